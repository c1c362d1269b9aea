"""How a worker can fail a request, and what it sends read without trust: a user's program may have made it."""

from __future__ import annotations

import json
import re
from struct import error as StructError
from typing import Any, cast

from potager.compute import frames
from potager.kernel.errors import WireError

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
"""Characters that no header can have."""


class ModelError(WireError):
    """The model answered with an error; AWS answers `ModelError`, 424, with the status of the container's answer."""

    def __init__(self, said: str, status: int) -> None:
        side = "client" if 400 <= status < 500 else "server"
        message = f'Received {side} error ({status}) from primary with message "{said}".'
        super().__init__("ModelError", message, 424, fields={"OriginalStatusCode": status, "OriginalMessage": said})


class WorkerLost(ModelError):
    """The worker was not there or died; `delivered` says whether the request may have reached it."""

    def __init__(self, said: str, *, delivered: bool = True) -> None:
        super().__init__(said, 500)
        self.delivered = delivered


class WorkerHung(ModelError):
    """The worker did not answer within the limit."""

    def __init__(self, timeout: float) -> None:
        super().__init__(f"The model did not answer within {timeout:g} seconds.", 500)


class Overrun(ModelError):
    """An answer that streams was not complete within its limit."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"The model did not end its stream within {limit:g} seconds.", 500)


def failure(kind: int, payload: bytes) -> ModelError:
    """What a FAILURE frame says; a frame of another kind is no answer there."""
    if kind != frames.FAILURE:
        return _unreadable()
    head, said = parted(payload)
    status = int(head[0]) if re.fullmatch("[45][0-9]{2}", head[0], re.ASCII) else 500
    return ModelError(said.decode("utf-8", "replace"), status)


def parted(payload: bytes) -> tuple[list[str], bytes]:
    """The head and the body of an answer; `ModelError` for one that cannot be passed on."""
    try:
        head, body = frames.parted(payload)
    except (StructError, UnicodeDecodeError) as error:
        raise _unreadable() from error
    if any(map(_CONTROL.search, head)):
        raise ModelError("The model answers a content type or attributes that no header can hold.", 500)
    return head, body


def told(payload: bytes) -> dict[str, Any]:
    """What a TOLD frame says; `ModelError` where that is no object."""
    try:
        said: object = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(said, dict):
        raise _unreadable()
    return cast("dict[str, Any]", said)


def _unreadable() -> ModelError:
    return ModelError("The worker's answer cannot be read.", 500)
