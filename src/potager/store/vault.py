"""The server's master key, which wraps every other key that rests here.

    secret of keys.json ──HKDF──► master key ──HMAC, salt──► key of one wrap ──AES-256-GCM──► a wrapped key

    version (1 byte) │ salt (16 bytes) │ the key, encrypted, and its tag

What a key is for is authenticated with it (`context`): one that was wrapped for something else does not open. A salt
of its own makes each wrap's key its own, so that any number of keys may be wrapped. The version names the derivation:
a later one can stand beside it. Without `keys.json` nothing that was wrapped here can be opened again.
"""

from __future__ import annotations

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = b"\1"
SALT = 16
NONCE = bytes(12)
"""Of every wrap: its key is never used again."""


class CannotOpen(Exception):
    """Wrapped bytes were changed, or wrapped by another key or for something else."""


class Vault:
    """Wraps keys under the master key.

    Parameters
    ----------
    secret : of the data folder's keys.
    """

    def __init__(self, secret: bytes) -> None:
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"potager master key 1")
        self._master = derivation.derive(secret)

    def wrap(self, key: bytes, context: str) -> bytes:
        """A key as it may rest; `context` says what it is for."""
        return wrap(self._master, key, context)

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key; `CannotOpen` for what was not wrapped here for that."""
        return unwrap(self._master, wrapped, context)


def wrap(master: bytes, key: bytes, context: str) -> bytes:
    """A key, or another text of a few bytes, under a master key that is given."""
    salt = secrets.token_bytes(SALT)
    return VERSION + salt + _cipher(master, salt).encrypt(NONCE, key, VERSION + context.encode())


def unwrap(master: bytes, wrapped: bytes, context: str) -> bytes:
    """What `wrap` was given; `CannotOpen` when one of the three is another."""
    version, salt, sealed = wrapped[:1], wrapped[1 : 1 + SALT], wrapped[1 + SALT :]
    if version != VERSION:
        raise CannotOpen(f"wrapped by version {version.hex() or 'none'}, which this server does not know")
    try:
        return _cipher(master, salt).decrypt(NONCE, sealed, VERSION + context.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("wrapped by another key, or for something else") from error


def _cipher(master: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(master, b"potager wrap\0" + salt, "sha256"))
