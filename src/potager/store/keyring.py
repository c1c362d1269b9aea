"""KMS keys: rows that hold key material, wrapped by the vault, and what is done with it.

    row "kms-key"     name: key id; doc: KeyMetadata's members, `_material` (the newest last), `_policy`, `_rotation`
    row "kms-alias"   name: alias/...; doc: `TargetKeyId`

A ciphertext names its key and the version of its material, so that Decrypt needs no key id and rotation leaves old
ciphertexts readable:

    mark │ length of the key's ARN (2 bytes) │ ARN │ number of the material (4 bytes) │ wrapped text (`vault.wrap`)

The encryption context is authenticated with it. A key that was scheduled for deletion is gone as soon as its day has
come, for every reader; `tend` then deletes its row, and with it the only copy of its material.

The room `access` shows keys as the service KMS; S3 uses them from here. What goes wrong is a `NoKey`, of which each
room knows its own wire's name. Source: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html
"""

from __future__ import annotations

import json
import re
import secrets
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from potager.kernel import clock
from potager.kernel.errors import Invalid, NotFound
from potager.kernel.names import Arn, Scope, arn
from potager.store import vault
from potager.store.rows import Row, Rows, Tx
from potager.store.vault import CannotOpen, Vault

KEY, ALIAS = "kms-key", "kms-alias"
ENABLED, DISABLED, PENDING = "Enabled", "Disabled", "PendingDeletion"
NAMED = "Named"
"""The status of every alias."""
S3_ALIAS = "alias/aws/s3"
"""The key that S3 takes where a request names none; made when it is first asked for."""
_MARK = b"\2potager-kms"


class NoKey(NotFound):
    """The key is not there."""


class KeyDisabled(NoKey):
    """The key is disabled."""


class KeyPending(NoKey):
    """The key is to be deleted, and does nothing until then."""


class BadCiphertext(Invalid):
    """No ciphertext of a key that is here, or of another encryption context."""


class WrongKey(Invalid):
    """The ciphertext is another key's than the one that was named."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A fresh key, in plain and as a KMS key has encrypted it; `arn` is that KMS key's."""

    arn: str
    plaintext: bytes = field(repr=False)
    ciphertext: bytes


class Keyring:
    """The KMS keys of all accounts and regions.

    Methods that are given a `Tx` run inside its transaction. `key` is a key id, an ARN, an alias's name or its ARN.
    """

    def __init__(self, rows: Rows, vault: Vault) -> None:
        self._rows = rows
        self._vault = vault

    def create(self, tx: Tx, scope: Scope, doc: Mapping[str, Any], *, manager: str = "CUSTOMER") -> Row:
        """A new key with material of its own."""
        name = str(uuid4())
        named = arn("kms", scope, f"key/{name}")
        described = {
            "AWSAccountId": scope.account,
            "KeyId": name,
            "Arn": named,
            "CreationDate": clock.now(),
            "Description": "",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "Origin": "AWS_KMS",
            "KeyManager": manager,
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": False,
            "_material": [self.material(named)],
            **doc,
        }
        return tx.insert(KEY, scope, name, described, arn=named, status=ENABLED)

    def material(self, arn: str, by: str = "CREATION") -> dict[str, Any]:
        """Fresh key material, as a row holds it; `by` says what it came by."""
        wrapped = self._vault.wrap(secrets.token_bytes(32), f"kms {arn}")
        return {"since": clock.now(), "by": by, "wrapped": b64encode(wrapped).decode()}

    def find(self, tx: Tx, scope: Scope, key: str) -> Row:
        """The key's row; `NoKey` when there is none, or no more."""
        row = _row(tx, *_place(tx, scope, key))
        if row is None:
            raise NoKey(_gone(scope, key))
        return row

    def usable(self, tx: Tx, scope: Scope, key: str) -> Row:
        """As `find`; `KeyDisabled` or `KeyPending` for a key that does nothing now."""
        row = self.find(tx, scope, key)
        if row.status == DISABLED:
            raise KeyDisabled(f"{row.arn} is disabled.")
        if row.status == PENDING:
            raise KeyPending(f"{row.arn} is pending deletion.")
        return row

    async def known(self, scope: Scope, key: str) -> Row:
        """The row of a key, usable or not; S3's own is made if need be."""
        try:
            return await self._rows.read(lambda tx: self.find(tx, scope, key))
        except NoKey:
            if not _is_s3s(scope, key):
                raise
        return await self._rows.write(lambda tx: self._s3s(tx, scope))

    async def resolve(self, scope: Scope, key: str | None) -> Row:
        """The row of a usable key; of `alias/aws/s3` where none is named, which is made if need be."""
        wanted = key or S3_ALIAS
        try:
            return await self._rows.read(lambda tx: self.usable(tx, scope, wanted))
        except NoKey:
            if not _is_s3s(scope, wanted):
                raise
        return await self._rows.write(lambda tx: self._s3s(tx, scope))

    def _s3s(self, tx: Tx, scope: Scope) -> Row:
        if tx.get(ALIAS, scope, S3_ALIAS) is None:
            said = "Default key that protects my S3 objects when no other key is defined"
            row = self.create(tx, scope, {"Description": said}, manager="AWS")
            self.name(tx, scope, S3_ALIAS, row)
        return self.usable(tx, scope, S3_ALIAS)

    def name(self, tx: Tx, scope: Scope, alias: str, key: Row) -> Row:
        """Gives a key an alias; `Exists` when that is taken."""
        now = clock.now()
        doc = {"TargetKeyId": key.name, "CreationDate": now, "LastUpdatedDate": now}
        return tx.insert(ALIAS, scope, alias, doc, arn=arn("kms", scope, alias), status=NAMED)

    def aliases(self, tx: Tx, scope: Scope, key: str | None = None) -> list[Row]:
        """The aliases of a place, or of the one key of that id, by name."""
        found = [row for row in tx.where(ALIAS, [NAMED]) if row.scope == scope]
        return sorted((row for row in found if key in (None, row.doc["TargetKeyId"])), key=lambda row: row.name)

    def encrypt(self, key: Row, text: bytes, context: Mapping[str, str]) -> bytes:
        """A text under a key's newest material."""
        number = len(key.doc["_material"]) - 1
        name = key.arn.encode()
        head = _MARK + struct.pack(">H", len(name)) + name + struct.pack(">I", number)
        return head + vault.wrap(self._unwrapped(key, number), text, _bound(key.arn, context))

    def decrypt(
        self, tx: Tx, ciphertext: bytes, context: Mapping[str, str], key: tuple[Scope, str] | None = None
    ) -> tuple[Row, bytes]:
        """The key that a ciphertext is of, and its text.

        key : where it is expected to be, and what it is called: `WrongKey` when it is another.
        """
        name, number, wrapped = _parted(ciphertext)
        scope, key_id = _parsed(name)
        expected = self.find(tx, *key) if key else None
        row = _row(tx, scope, key_id)
        if row is None:
            raise BadCiphertext("") if expected else NoKey(f"Key '{name}' does not exist")
        if expected and expected.arn != row.arn:
            raise WrongKey(
                "The key ID in the request does not identify a CMK that can perform this operation on this ciphertext."
            )
        row = self.usable(tx, scope, key_id)
        if number >= len(row.doc["_material"]):
            raise BadCiphertext("")
        try:
            return row, vault.unwrap(self._unwrapped(row, number), wrapped, _bound(row.arn, context))
        except CannotOpen as error:
            raise BadCiphertext("") from error

    async def data_key(self, scope: Scope, key: str | None, context: Mapping[str, str], size: int = 32) -> DataKey:
        """A fresh data key under a KMS key, S3's own where none is named."""
        row = await self.resolve(scope, key)
        text = secrets.token_bytes(size)
        return DataKey(row.arn, text, self.encrypt(row, text, context))

    def opened(self, connection: Connection, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        """As `decrypt`, for whoever has a transaction of the database's."""
        return self.decrypt(self._rows.tx(connection), ciphertext, context)[1]

    def _unwrapped(self, key: Row, number: int) -> bytes:
        wrapped = b64decode(key.doc["_material"][number]["wrapped"])
        return self._vault.unwrap(wrapped, f"kms {key.arn}")

    def all(self, tx: Tx, scope: Scope) -> list[Row]:
        """The keys of a place."""
        found = tx.where(KEY, [ENABLED, DISABLED, PENDING])
        return [row for row in found if row.scope == scope and not _is_due(row)]

    def rotated(self, row: Row, by: str) -> dict[str, Any]:
        """What changes of a key's document when it gets new material; `by` is `AUTOMATIC` or `ON_DEMAND`."""
        return {"_material": [*row.doc["_material"], self.material(row.arn, by)]}

    def tend(self, tx: Tx) -> float | None:
        """Deletes the keys whose day has come and rotates those whose time has; when the next one's comes, or None."""
        waiting: list[float] = []
        for row in tx.where(KEY, [ENABLED, PENDING]):
            if row.status == PENDING:
                waiting += [] if _is_due(row) else [row.doc["DeletionDate"]]
                self._deleted(tx, row)
            elif rotation := row.doc.get("_rotation"):
                days, due = rotation
                if due <= clock.now():
                    due = clock.now() + days * 86400
                    tx.update(row, doc={**row.doc, **self.rotated(row, "AUTOMATIC"), "_rotation": [days, due]})
                waiting.append(due)
        return min(waiting, default=None)

    def _deleted(self, tx: Tx, row: Row) -> None:
        """Deletes a key with its aliases, if its day has come."""
        if _is_due(row):
            for alias in self.aliases(tx, row.scope, row.name):
                tx.delete(alias)
            tx.delete(row)


_ID = re.compile("(mrk-)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
"""A key's id; nothing else is looked for."""


def _row(tx: Tx, scope: Scope, name: str) -> Row | None:
    row = tx.get(KEY, scope, name)
    return None if row is None or _is_due(row) else row


def _is_due(row: Row) -> bool:
    return row.status == PENDING and row.doc["DeletionDate"] <= clock.now()


def _is_s3s(scope: Scope, key: str) -> bool:
    return key in (S3_ALIAS, arn("kms", scope, S3_ALIAS))


def _place(tx: Tx, scope: Scope, key: str) -> tuple[Scope, str]:
    """Where a key is, and its id, by whatever it is called."""
    if key.startswith("arn:"):
        there, key = _parsed(key)
        if there != scope:
            raise NoKey(f"Invalid arn {there.region}")
    if key.startswith("alias/"):
        alias = tx.get(ALIAS, scope, key)
        if alias is None:
            raise NoKey(f"Alias {arn('kms', scope, key)} is not found.")
        key = alias.doc["TargetKeyId"]
    return scope, key


def _parsed(text: str) -> tuple[Scope, str]:
    """A key's or an alias's place and name, by its ARN."""
    try:
        parsed = Arn.parse(text)
    except Invalid as error:
        raise NoKey(f"Invalid keyId {text}") from error
    return Scope(parsed.account, parsed.region), parsed.resource.removeprefix("key/")


def _gone(scope: Scope, key: str) -> str:
    if key.startswith(("arn:", "alias/")):
        return f"Key '{key}' does not exist"
    if not _ID.fullmatch(key):
        return f"Invalid keyId {key}"
    return f"Key '{arn('kms', scope, 'key/' + key)}' does not exist"


def _bound(arn: str, context: Mapping[str, str]) -> str:
    """What is authenticated with a text: its key and its encryption context, in whatever order that came."""
    return f"kms text {arn} {json.dumps(sorted(context.items()), separators=(',', ':'))}"


def _parted(ciphertext: bytes) -> tuple[str, int, bytes]:
    """The key's ARN, the number of its material and the wrapped text."""
    try:
        head = len(_MARK)
        if ciphertext[:head] != _MARK:
            raise ValueError
        (size,) = struct.unpack_from(">H", ciphertext, head)
        name = ciphertext[head + 2 : head + 2 + size].decode()
        (number,) = struct.unpack_from(">I", ciphertext, head + 2 + size)
        return name, number, ciphertext[head + 6 + size :]
    except (ValueError, struct.error) as error:
        raise BadCiphertext("") from error
