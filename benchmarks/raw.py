"""A signed request on a kept connection with as little client as there can be: what is left is the server's."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Raw:
    """Posts signed bodies to a server. The signature of a body is made once and sent again within its five minutes."""

    def __init__(self, server: Any, service: str) -> None:
        self.url = server.url
        self.service = service
        keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
        self.auth = SigV4Auth(keys, service, "us-east-1")
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        self._signed: dict[tuple[str, bytes], dict[str, str]] = {}

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """The body of the answer, which must be a 200."""
        signed = self._signed.get((path, body))
        if signed is None:
            request = AWSRequest("POST", self.url + path, headers, body)
            self.auth.add_auth(request)
            signed = self._signed[path, body] = dict(request.headers.items())
        self.connection.request("POST", path, body, signed)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data
