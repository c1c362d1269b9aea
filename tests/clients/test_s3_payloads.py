"""Uploads as they travel: whole or in chunks, signed or not, with trailing checksums, by http and by https."""

from __future__ import annotations

import base64
import hmac
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import potager

DATA = bytes(range(256)) * 800
EMPTY = sha256(b"").hexdigest()
SIGNED, UNSIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD"
MODES = (SIGNED, SIGNED + "-TRAILER", UNSIGNED + "-TRAILER")
WHOLE = ("signed", "UNSIGNED-PAYLOAD")


@pytest.fixture(scope="module", params=["http", "https"])
def place(request: pytest.FixtureRequest, server: Any) -> Iterator[Any]:
    """A server by http, and one by https."""
    if request.param == "http":
        yield server
        return
    with potager.local(tls=True) as secure:
        yield secure


@pytest.fixture(scope="module")
def bucket(place: Any) -> str:
    place.client("s3").create_bucket(Bucket="payloads")
    return "payloads"


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@dataclass
class Upload:
    """One PUT, made by hand after AWS's documentation, to be tampered with before it is sent."""

    server: Any
    key: str
    mode: str
    data: bytes = DATA
    size: int = 65536
    trailers: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode.endswith("-TRAILER") and not self.trailers:
            self.trailers = {"x-amz-checksum-crc32": crc32(self.data)}
        chunked = self.mode.startswith("STREAMING")
        payload = sha256(self.data).hexdigest() if self.mode == "signed" else self.mode
        headers = {"x-amz-content-sha256": payload, **self.headers}
        if chunked:
            own = f",{headers['content-encoding']}" if "content-encoding" in headers else ""
            headers |= {"content-encoding": "aws-chunked" + own, "x-amz-decoded-content-length": str(len(self.data))}
        if self.trailers:
            headers["x-amz-trailer"] = ",".join(self.trailers)
        request = AWSRequest("PUT", f"{self.server.url}/payloads/{self.key}", headers=headers, data=b"")
        request.context["payload_signing_enabled"] = True
        keys = Credentials(self.server.env["AWS_ACCESS_KEY_ID"], self.server.env["AWS_SECRET_ACCESS_KEY"])
        auth = _Auth(keys, "s3", "us-east-1", payload)
        auth.add_auth(request)
        self.sent = dict(request.headers.items())
        self.moment = request.context["timestamp"]
        self.seed = self.sent["Authorization"].rpartition("Signature=")[2]
        self.secret = keys.secret_key
        self.body = self._chunked() if chunked else self.data

    def _chunked(self) -> bytes:
        out, previous = b"", self.seed
        for chunk in [self.data[at : at + self.size] for at in range(0, len(self.data), self.size)] + [b""]:
            head = f"{len(chunk):x}"
            if self.mode.startswith(SIGNED):
                previous = self._sign("AWS4-HMAC-SHA256-PAYLOAD", previous, f"{EMPTY}\n{sha256(chunk).hexdigest()}")
                head += f";chunk-signature={previous}"
            out += head.encode() + b"\r\n" + (chunk + b"\r\n" if chunk else b"")
        out += "".join(f"{name}:{value}\r\n" for name, value in self.trailers.items()).encode()
        if self.mode == SIGNED + "-TRAILER":
            text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            signature = self._sign("AWS4-HMAC-SHA256-TRAILER", previous, sha256(text.encode()).hexdigest())
            out += f"x-amz-trailer-signature:{signature}\r\n".encode()
        return out + b"\r\n"

    def _sign(self, algorithm: str, previous: str, hashed: str) -> str:
        day = self.moment[:8]
        key = b"AWS4" + self.secret.encode()
        for part in (day, "us-east-1", "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        scope = f"{day}/us-east-1/s3/aws4_request"
        text = f"{algorithm}\n{self.moment}\n{scope}\n{previous}\n{hashed}"
        return hmac.new(key, text.encode(), sha256).hexdigest()

    def send(self) -> tuple[int, str]:
        """Status and body of the answer."""
        parts = urlsplit(self.server.url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.server.env["AWS_CA_BUNDLE"])
            connection: HTTPConnection = HTTPSConnection(parts.netloc, context=context)
        else:
            connection = HTTPConnection(parts.netloc)
        try:
            connection.request("PUT", f"/payloads/{self.key}", body=self.body, headers=self.sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


class _Auth(S3SigV4Auth):
    def __init__(self, keys: Credentials, service: str, region: str, payload_hash: str) -> None:
        super().__init__(keys, service, region)
        self._hash = payload_hash

    def payload(self, request: Any) -> str:
        return self._hash


def stored(place: Any, key: str) -> Any:
    return place.client("s3").get_object(Bucket="payloads", Key=key, ChecksumMode="ENABLED")


def refused(place: Any, upload: Upload, status: int, code: str) -> None:
    """It is refused by that code, and nothing of it is seen."""
    got, text = upload.send()
    assert (got, f"<Code>{code}</Code>" in text) == (status, True), (got, text)
    listed = place.client("s3").list_objects_v2(Bucket="payloads", Prefix=upload.key)
    assert listed["KeyCount"] == 0


@pytest.mark.parametrize("mode", [*WHOLE, *MODES])
@pytest.mark.usefixtures("bucket")
def test_each_mode_stores_what_was_sent(place: Any, mode: str) -> None:
    assert Upload(place, f"good-{mode}", mode).send() == (200, "")
    found = stored(place, f"good-{mode}")
    assert found["Body"].read() == DATA
    assert found.get("ContentEncoding") is None  # aws-chunked is how it travelled, not what it is
    if mode.endswith("-TRAILER"):
        assert found["ChecksumCRC32"] == crc32(DATA)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("bucket")
def test_an_encoding_of_ones_own_stays(place: Any, mode: str) -> None:
    upload = Upload(place, f"encoded-{mode}", mode, headers={"content-encoding": "gzip"})
    assert upload.send()[0] == 200
    assert stored(place, upload.key)["ContentEncoding"] == "gzip"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("bucket")
def test_an_empty_object_passes_in_each_mode(place: Any, mode: str) -> None:
    assert Upload(place, f"empty-{mode}", mode, data=b"").send()[0] == 200
    assert stored(place, f"empty-{mode}")["ContentLength"] == 0


@pytest.mark.parametrize("mode", [SIGNED, SIGNED + "-TRAILER"])
@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.usefixtures("bucket")
def test_a_chunk_that_was_tampered_with_is_refused(place: Any, mode: str, at: int) -> None:
    upload = Upload(place, "tampered", mode)
    where = at * (65536 + 89) + 1000
    upload.body = upload.body[:where] + bytes((upload.body[where] ^ 1,)) + upload.body[where + 1 :]
    refused(place, upload, 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("mode", [SIGNED, SIGNED + "-TRAILER"])
@pytest.mark.usefixtures("bucket")
def test_a_chunks_signature_that_is_another_is_refused(place: Any, mode: str) -> None:
    upload = Upload(place, "signature", mode)
    upload.body = upload.body.replace(b"chunk-signature=", b"chunk-signature=0", 1).replace(b"0\r\n", b"\r\n", 1)
    assert upload.send()[0] in (400, 403)
    first = Upload(place, "signature", mode)
    signature = first.body.partition(b"chunk-signature=")[2][:64]
    first.body = first.body.replace(signature, signature[::-1], 1)
    refused(place, first, 403, "SignatureDoesNotMatch")


@pytest.mark.usefixtures("bucket")
def test_a_trailer_that_was_changed_after_it_was_signed_is_refused(place: Any) -> None:
    upload = Upload(place, "trailer", SIGNED + "-TRAILER")
    upload.body = upload.body.replace(crc32(DATA).encode(), crc32(b"other").encode())
    refused(place, upload, 403, "SignatureDoesNotMatch")


@pytest.mark.usefixtures("bucket")
def test_a_trailers_signature_that_is_missing_or_another_is_refused(place: Any) -> None:
    upload = Upload(place, "trailer-signature", SIGNED + "-TRAILER")
    head, _, signature = upload.body.partition(b"x-amz-trailer-signature:")
    upload.body = head + b"x-amz-trailer-signature:" + signature.strip()[::-1] + b"\r\n\r\n"
    refused(place, upload, 403, "SignatureDoesNotMatch")
    upload = Upload(place, "trailer-signature", SIGNED + "-TRAILER")
    upload.body = upload.body.partition(b"x-amz-trailer-signature:")[0] + b"\r\n"
    refused(place, upload, 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("mode", [SIGNED + "-TRAILER", UNSIGNED + "-TRAILER"])
@pytest.mark.usefixtures("bucket")
def test_a_trailing_checksum_that_the_data_does_not_have_is_refused(place: Any, mode: str) -> None:
    upload = Upload(place, "checksum", mode, trailers={"x-amz-checksum-crc32": crc32(b"other")})
    refused(place, upload, 400, "BadDigest")


@pytest.mark.usefixtures("bucket")
def test_unsigned_data_that_was_changed_is_refused_by_its_checksum(place: Any) -> None:
    upload = Upload(place, "changed", UNSIGNED + "-TRAILER")
    upload.body = upload.body[:3000] + bytes((upload.body[3000] ^ 1,)) + upload.body[3001:]
    refused(place, upload, 400, "BadDigest")


@pytest.mark.usefixtures("bucket")
def test_a_signed_body_that_was_changed_is_refused_by_its_hash(place: Any) -> None:
    upload = Upload(place, "hash", "signed")
    upload.body = upload.body[:-1] + b"?"
    refused(place, upload, 400, "XAmzContentSHA256Mismatch")


@pytest.mark.usefixtures("bucket")
def test_a_mode_that_was_not_signed_for_is_refused(place: Any) -> None:
    upload = Upload(place, "mode", SIGNED)
    upload.sent["x-amz-content-sha256"] = UNSIGNED + "-TRAILER"
    refused(place, upload, 403, "SignatureDoesNotMatch")


@pytest.mark.usefixtures("bucket")
def test_boto3_itself_uploads_in_chunks_by_https_and_whole_by_http(place: Any) -> None:
    s3 = place.client("s3")
    seen: list[str] = []
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: seen.append(_text(request)))
    s3.put_object(Bucket="payloads", Key="boto3", Body=DATA, ChecksumAlgorithm="SHA256")
    streamed = place.url.startswith("https")
    assert seen == [UNSIGNED + "-TRAILER"] if streamed else len(seen[0]) == 64
    assert stored(place, "boto3")["ChecksumSHA256"] == base64.b64encode(sha256(DATA).digest()).decode()


def _text(request: Any) -> str:
    value = request.headers["X-Amz-Content-SHA256"]
    return value.decode() if isinstance(value, bytes) else value
