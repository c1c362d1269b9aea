"""Under which key an object's bytes rest, if under any: the one place that decides.

    a request's wish, else the bucket's default, else none ─► a data key, wrapped ─► `_sse` in the object's document

    Kind      who wraps the data key                                         members of `_sse` beside `Kind`
    AES256    the server's master key (`vault.py`)              SSE-S3       Key
    aws:kms   a KMS key (`keyring.py`)                          SSE-KMS      Key, KeyId, Context, BucketKey
    SSE-C     the customer's key, which is never stored         SSE-C        Key, Mac

A bucket that is not configured keeps its objects plain: a job's inputs are links to the files of objects, and sealed
ones have to be written out for it (`Objects.file`). Every writer comes through `Objects.write`, which asks here.

`Mac` recognises the customer's key: a MAC of random salt under it, so that a wrong key is told from damage. A copy
under another key has its data key wrapped anew; its bytes stay where they are.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from potager.kernel.errors import NotFound
from potager.kernel.names import Scope
from potager.store import seals, vault
from potager.store.keyring import Keyring
from potager.store.seals import Seal
from potager.store.vault import CannotOpen, Vault

S3, KMS, CUSTOMER = "AES256", "aws:kms", "SSE-C"
"""Kinds of keys, by the names that they have on the wire where they have one."""
MEMBER = "_sse"
"""Of an object's or an upload's document."""
CONFIGURATION = "ServerSideEncryptionConfiguration"
"""Of a bucket's document: as PutBucketEncryption has it."""


class NeedsKey(NotFound):
    """The object is sealed with a customer's key, which was not given, or another one was."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How bytes shall be sealed.

    Parameters
    ----------
    kind : `S3`, `KMS` or `CUSTOMER`.
    customer : of `CUSTOMER`: the key.
    key : of `KMS`: which key, by whatever it is called; None for S3's own.
    context : of `KMS`: what is authenticated beside the place of the object.
    bucket_key : of `KMS`: whether S3 bucket keys are asked for. What they save is money; they change the context.
    """

    kind: str
    customer: bytes | None = field(default=None, repr=False)
    key: str | None = None
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    bucket_key: bool = False


class Sealing:
    """Makes data keys, and finds them again."""

    def __init__(self, vault: Vault, keyring: Keyring) -> None:
        self._vault = vault
        self._keyring = keyring

    async def seal(self, wish: Wish | None, place: tuple[Scope, str, str]) -> Seal | None:
        """A fresh data key, None where no sealing is wished for; `NoKey` for a KMS key that cannot be used.

        place : account and region of the bucket, its name, and the object's key.
        """
        return None if wish is None else await self.wrapped(secrets.token_bytes(seals.KEY), wish, place)

    async def wrapped(self, key: bytes, wish: Wish, place: tuple[Scope, str, str]) -> Seal:
        """A data key that is there already, wrapped as is wished for."""
        if wish.kind == CUSTOMER:
            return Seal(key, _customers(key, wish.customer or b""))
        if wish.kind == S3:
            return Seal(key, {"Kind": S3, "Key": _text(self._vault.wrap(key, "object"))})
        scope, bucket, name = place
        row = await self._keyring.resolve(scope, wish.key)
        where = bucket if wish.bucket_key else f"{bucket}/{name}"
        context = {"aws:s3:arn": f"arn:aws:s3:::{where}", **wish.context}
        wrapped = self._keyring.encrypt(row, key, context)
        doc = {"Kind": KMS, "Key": _text(wrapped), "KeyId": row.arn, "Context": context, "BucketKey": wish.bucket_key}
        return Seal(key, doc)

    def of(self, connection: Connection, doc: Mapping[str, Any], customer: bytes | None = None) -> Seal:
        """The data key that a `_sse` holds; `NeedsKey`, or `NoKey` for a KMS key that cannot be used."""
        wrapped = b64decode(doc["Key"])
        if doc["Kind"] == S3:
            return Seal(self._vault.unwrap(wrapped, "object"), doc)
        if doc["Kind"] == KMS:
            return Seal(self._keyring.opened(connection, wrapped, doc["Context"]), doc)
        if customer is None or not fits(doc, customer):
            raise NeedsKey("It is encrypted with a customer's key (SSE-C), which has to come with the request.")
        try:
            return Seal(vault.unwrap(customer, wrapped, "object"), doc)
        except CannotOpen as error:
            raise NeedsKey("It is encrypted with another customer's key (SSE-C).") from error


def default(configuration: Mapping[str, Any] | None) -> Wish | None:
    """What a bucket's configuration wishes for its objects."""
    for rule in (configuration or {}).get("Rules", ()):
        if given := rule.get("ApplyServerSideEncryptionByDefault"):
            key = given.get("KMSMasterKeyID")
            return Wish(given["SSEAlgorithm"], key=key, bucket_key=rule.get("BucketKeyEnabled", False))
    return None


def member(seal: Seal | None) -> dict[str, Any]:
    """What an object's or upload's document says of its seal."""
    return {MEMBER: dict(seal.doc)} if seal else {}


def fits(doc: Mapping[str, Any], customer: bytes) -> bool:
    """Whether a customer's key is the one that an object of kind `CUSTOMER` was sealed with."""
    salt, mac = b64decode(doc["Mac"])[:16], b64decode(doc["Mac"])[16:]
    return hmac.compare_digest(mac, _mac(customer, salt))


def _customers(key: bytes, customer: bytes) -> dict[str, Any]:
    salt = secrets.token_bytes(16)
    return {
        "Kind": CUSTOMER,
        "Key": _text(vault.wrap(customer, key, "object")),
        "Mac": _text(salt + _mac(customer, salt)),
    }


def _mac(customer: bytes, salt: bytes) -> bytes:
    return hmac.digest(customer, b"potager customer\0" + salt, "sha256")


def _text(data: bytes) -> str:
    return b64encode(data).decode()
