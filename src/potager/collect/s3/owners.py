"""Accounts as S3 names them: by canonical user ids, which we make up from their numbers."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=256)
def canonical(account: str) -> str:
    """The canonical user id of an account, 64 hex digits."""
    return hashlib.sha256(f"potager account {account}".encode()).hexdigest()


def owner(account: str) -> dict[str, str]:
    """An account as the owner of things."""
    return {"ID": canonical(account)}
