"""Smithy RPC v2 with CBOR bodies: only its errors, so far.

CloudWatch, Comprehend, Textract, Transcribe and Translate have it as their first protocol, so that newer clients choose
it. Until a room serves one of them, refusing legibly is all that is wanted; `parse` and `serialize` get their place
here. Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

from potager.kernel.errors import Unserved, WireError
from potager.wire.message import Request, Response
from potager.wire.protocols import document, fault

_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: bytes, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    raise Unserved("Potager does not read Smithy RPC v2 CBOR yet.")


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    raise Unserved("Potager does not write Smithy RPC v2 CBOR yet.")


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    status, members = fault.body(operation, error, document.write)
    texts = {"__type": error.code, **{name: value for name, value in members.items() if isinstance(value, str)}}
    data = _head(0xA0, len(texts)) + b"".join(_text(name) + _text(value) for name, value in texts.items())
    headers = [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("Content-Type", "application/cbor"),
        ("Content-Length", str(len(data))),
        *error.headers.items(),
    ]
    if operation is not None and operation.service_model.is_query_compatible:
        headers.append(("x-amzn-query-error", f"{error.code};{fault.sender(status)}"))
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    return Response(status, headers, data)


def _head(major: int, length: int) -> bytes:
    """A CBOR head (RFC 8949, section 3) for a length below 2**32."""
    if length < 24:
        return bytes((major | length,))
    return bytes((major | 26,)) + length.to_bytes(4, "big")


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    return _head(0x60, len(data)) + data
