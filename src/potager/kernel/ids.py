"""Random names that cannot be guessed and do not collide."""

from __future__ import annotations

import secrets
import uuid

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def request_id() -> str:
    """A request id as AWS writes them, a random UUID."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def short(length: int = 12) -> str:
    """`length` random characters out of a-z and 0-9."""
    number = secrets.randbelow(len(_LOWER) ** length)  # one draw: each is a system call
    return "".join(_LOWER[number // len(_LOWER) ** place % len(_LOWER)] for place in range(length))


def version() -> str:
    """The id of a version of an object: 32 characters out of a-z, A-Z, 0-9, `-` and `_`."""
    return secrets.token_urlsafe(24)
