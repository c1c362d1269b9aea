"""Random names that do not collide; but for request ids, nobody can guess one."""

from __future__ import annotations

import random
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

_requests = random.Random(secrets.randbits(128))  # noqa: S311 - each of `secrets` is a system call

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def request_id() -> str:
    """A request id as AWS writes them, a random UUID. No secret: who has seen some hundreds can work out the others."""
    return _uuid(f"{_requests.getrandbits(128):032x}")


def uuid() -> str:
    """A random UUID that nobody can guess, for what its name alone gives power over."""
    return _uuid(secrets.token_hex(16))


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[ord(text[16]) & 3]}{text[17:20]}-{text[20:]}"


def short(length: int = 12) -> str:
    """`length` random characters out of a-z and 0-9."""
    number = secrets.randbelow(len(_LOWER) ** length)  # one draw: each is a system call
    return "".join(_LOWER[number // len(_LOWER) ** place % len(_LOWER)] for place in range(length))


def version(sequence: int) -> str:
    """The id of a version of an object, 32 characters out of a-z, A-Z, 0-9, `-` and `_`; it tells its `sequence`.

    So a listing can go on behind a version that was deleted meanwhile.
    """
    return urlsafe_b64encode(secrets.token_bytes(18) + sequence.to_bytes(6, "big")).decode()


def sequence(version: str) -> int:
    """The place, among the versions of its key, of a version by its id."""
    return int.from_bytes(urlsafe_b64decode(version)[18:], "big")
