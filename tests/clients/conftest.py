"""Clients that several files of tests use."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config


@pytest.fixture
def anybody(server: Any) -> Any:
    """A client of S3 that does not sign."""
    return boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
