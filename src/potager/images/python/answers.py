"""What `output_fn` or `transform_fn` returned, as bytes and a content type, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from potager.images.python import formats
from potager.images.python.errors import Refused, ScriptFailed


def answered(result: Any, accept: str) -> tuple[bytes, str]:
    """The body and its content type.

    Parameters
    ----------
    result : bytes or text, of the type in `accept`; `(body, content_type)`; a response as Flask and AWS's toolkit
        have it (`get_data()`, `mimetype`, `status_code`); a dict or a list, which becomes JSON.

    `Refused` with the status of a response that says one of 400 or above.
    """
    if isinstance(result, tuple):
        body, kind = _pair(cast("tuple[Any, ...]", result))
        return _bytes(body), _header(kind)
    if hasattr(result, "get_data"):
        return _from_response(result, accept)
    if isinstance(result, dict | list):
        return formats.to_json(result), formats.JSON
    return _bytes(result), _header(accept)


def parted(result: Any, accept: str) -> tuple[Iterator[bytes], str] | None:
    """The body's parts and its content type, None for a body that is no iterator.

    result : an iterator over bytes and texts, or over dicts and lists, which become a line of JSON each; or
        `(iterator, content_type)`.
    """
    body, kind = _pair(cast("tuple[Any, ...]", result)) if isinstance(result, tuple) else (result, accept)
    return (_parts(cast("Iterator[Any]", body)), _header(kind)) if isinstance(body, Iterator) else None


def _parts(body: Iterator[Any]) -> Iterator[bytes]:
    """The parts; to close it closes what makes them."""
    try:
        for part in body:
            yield formats.to_json(part) + b"\n" if isinstance(part, dict | list) else _bytes(part)
    finally:
        close: Any = getattr(body, "close", None)
        if close is not None:
            close()


def _pair(result: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(result) != 2:
        raise ScriptFailed(f"output_fn or transform_fn returned {len(result)} things. Return (body, content_type).")
    return result[0], result[1]


def _from_response(response: Any, accept: str) -> tuple[bytes, str]:
    body = _bytes(response.get_data())
    status = getattr(response, "status_code", 200)
    if isinstance(status, int) and 400 <= status < 600:
        raise Refused(body.decode("utf-8", "replace"), status)
    return body, _header(getattr(response, "mimetype", None) or accept)


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    if isinstance(body, dict | list):
        return formats.to_json(body)
    kind = type(body).__name__
    raise ScriptFailed(f"output_fn or transform_fn returned {kind}. Return bytes, str, or (body, content_type).")


def _header(kind: Any) -> str:
    return " ".join(str(kind).split())
