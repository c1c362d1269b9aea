"""S3 with as little client as there can be, which never tries anything twice: what was answered, was answered once."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Broken(Exception):
    """No answer came: whether it was done, nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def text(self, name: str) -> str:
        """What the first element of that name in the answer's XML says."""
        return next((each.text or "" for each in ElementTree.fromstring(self.body).iter() if _local(each) == name), "")

    def texts(self, name: str) -> list[str]:
        return [each.text or "" for each in ElementTree.fromstring(self.body).iter() if _local(each) == name]

    @property
    def code(self) -> str:
        """The error's code; "" for none."""
        return self.text("Code") if self.body.startswith(b"<?xml") else ""


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


class Client:
    """One connection, of one thread."""

    def __init__(self, url: str, env: Mapping[str, str]) -> None:
        self._url = url
        keys = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        self._auth = S3SigV4Auth(keys, "s3", "us-east-1")
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def __call__(
        self,
        method: str,
        bucket: str,
        key: str = "",
        query: Mapping[str, Any] | None = None,
        body: bytes = b"",
        **headers: str,
    ) -> Answer:
        """An answer; `Broken` when none came. Underscores in names of headers are hyphens."""
        path = quote(f"/{bucket}/{key}" if key else f"/{bucket}")
        path += f"?{urlencode(query)}" if query else ""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self._url + path, sent, body)
        self._auth.add_auth(request)
        try:
            self._connection.request(method, path, body, dict(request.headers.items()))
            answer = self._connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Broken(repr(error)) from error

    def close(self) -> None:
        """Ends the connection; the next request opens another one."""
        self._connection.close()
