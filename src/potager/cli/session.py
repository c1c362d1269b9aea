"""A boto3 session whose every client comes to one server, whatever the environment and `~/.aws` say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from potager.kernel import hosts


class Here(boto3.Session):
    """A session that sends all of AWS's own addresses to one URL.

    The sagemaker SDK builds `https://sts.<region>.amazonaws.com` by hand and passes it as the endpoint: that one too.
    """

    def __init__(self, url: str, core: botocore.session.Session, **given: Any) -> None:
        super().__init__(botocore_session=core, **given)
        self._url = url

    def client(self, *args: Any, **options: Any) -> Any:
        return cast(Any, super()).client(*args, **self._sent_here(options))

    def resource(self, *args: Any, **options: Any) -> Any:
        return cast(Any, super()).resource(*args, **self._sent_here(options))

    def _sent_here(self, options: dict[str, Any]) -> dict[str, Any]:
        host = urlsplit(options.get("endpoint_url") or "").hostname
        elsewhere = host is not None and not hosts.is_aws(host)
        return options if elsewhere else options | {"endpoint_url": self._url}


def session(env: Mapping[str, str], region: str) -> boto3.Session:
    """A session for the server that `env` (`cli.environment`) tells of."""
    nothing: Any = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    core = botocore.session.Session(session_vars=nothing)
    if "AWS_CA_BUNDLE" in env:
        core.set_config_variable("ca_bundle", env["AWS_CA_BUNDLE"])
    # A proxy of the environment is not the way to this machine.
    core.set_default_client_config(Config(proxies={}))
    return Here(
        env["AWS_ENDPOINT_URL"],
        core,
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=region,
    )
