"""KMS keys as rows, and what they wrap; objects under each kind of key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store import inlined, schema, sealing
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.keyring import (
    DISABLED,
    PENDING,
    BadCiphertext,
    KeyDisabled,
    KeyPending,
    Keyring,
    NoKey,
    WrongKey,
)
from potager.store.objects import Objects
from potager.store.rows import Row, Rows
from potager.store.sealing import NeedsKey, Sealing, Wish
from potager.store.seals import Damaged
from potager.store.vault import CannotOpen, Vault

HERE = Scope("000000000000", "us-east-1")
THERE = Scope("000000000000", "eu-west-1")
CUSTOMER = b"c" * 32


@pytest.fixture
def keyring(rows: Rows) -> Keyring:
    return Keyring(rows, Vault(b"s" * 32))


@pytest.fixture
async def key(rows: Rows, keyring: Keyring) -> Row:
    return await rows.write(lambda tx: keyring.create(tx, HERE, {}))


@pytest.fixture
async def sealed(database: Database, blobs: Blobs, keyring: Keyring) -> AsyncIterator[Objects]:
    made = Objects(database, blobs, sealing=Sealing(Vault(b"s" * 32), keyring))
    await made.create_bucket("bucket", HERE)
    yield made
    await made.close()


def test_a_vault_opens_what_it_wrapped_and_nothing_else() -> None:
    vault = Vault(b"s" * 32)
    wrapped = vault.wrap(b"key", "object")
    assert vault.unwrap(wrapped, "object") == b"key"
    assert vault.wrap(b"key", "object") != wrapped
    for wrong in (wrapped[:-1], b"\2" + wrapped[1:], wrapped[:20] + b"x" + wrapped[21:], b""):
        with pytest.raises(CannotOpen):
            vault.unwrap(wrong, "object")
    with pytest.raises(CannotOpen):
        vault.unwrap(wrapped, "other")
    with pytest.raises(CannotOpen):
        Vault(b"t" * 32).unwrap(wrapped, "object")


async def test_a_ciphertext_names_its_key_and_holds_its_context(rows: Rows, keyring: Keyring, key: Row) -> None:
    ciphertext = keyring.encrypt(key, b"text", {"a": "1", "b": "2"})
    found, text = await rows.read(lambda tx: keyring.decrypt(tx, ciphertext, {"b": "2", "a": "1"}))
    assert (found.arn, text) == (key.arn, b"text")
    with pytest.raises(BadCiphertext):
        await rows.read(lambda tx: keyring.decrypt(tx, ciphertext, {"a": "1"}))
    with pytest.raises(BadCiphertext):
        await rows.read(lambda tx: keyring.decrypt(tx, ciphertext[:-1] + b"x", {"a": "1", "b": "2"}))
    for junk in (b"", b"junk", ciphertext[:12], ciphertext[:40]):
        with pytest.raises(BadCiphertext):
            await rows.read(lambda tx, junk=junk: keyring.decrypt(tx, junk, {}))


async def test_a_ciphertext_of_another_key_than_expected_is_refused(rows: Rows, keyring: Keyring, key: Row) -> None:
    other = await rows.write(lambda tx: keyring.create(tx, HERE, {}))
    ciphertext = keyring.encrypt(key, b"text", {})
    with pytest.raises(WrongKey):
        await rows.read(lambda tx: keyring.decrypt(tx, ciphertext, {}, (HERE, other.name)))


async def test_a_key_is_found_by_id_arn_and_alias_in_its_own_region(rows: Rows, keyring: Keyring, key: Row) -> None:
    alias = await rows.write(lambda tx: keyring.name(tx, HERE, "alias/mine", key))
    for name in (key.name, key.arn, "alias/mine", alias.arn):
        assert (await keyring.resolve(HERE, name)).name == key.name
        with pytest.raises(NoKey):
            await keyring.resolve(THERE, name)
    for name in ("alias/none", "none", "arn:junk", "arn:aws:kms:us-east-1:000000000000:key/none"):
        with pytest.raises(NoKey):
            await keyring.resolve(HERE, name)


async def test_s3s_own_key_is_made_once(keyring: Keyring) -> None:
    first = await keyring.resolve(HERE, None)
    assert (await keyring.resolve(HERE, "alias/aws/s3")).arn == first.arn
    assert (await keyring.resolve(THERE, None)).arn != first.arn


async def test_keys_that_are_disabled_or_to_be_deleted_do_nothing(rows: Rows, keyring: Keyring, key: Row) -> None:
    ciphertext = keyring.encrypt(key, b"text", {})
    off = await rows.write(lambda tx: tx.update(key, status=DISABLED))
    with pytest.raises(KeyDisabled):
        await rows.read(lambda tx: keyring.decrypt(tx, ciphertext, {}))
    going = await rows.write(
        lambda tx: tx.update(off, status=PENDING, doc={**off.doc, "DeletionDate": clock.now() + 100})
    )
    with pytest.raises(KeyPending):
        await keyring.resolve(HERE, key.name)
    assert await rows.write(keyring.tend) == going.doc["DeletionDate"]


async def test_a_key_whose_day_has_come_is_gone_with_its_aliases(rows: Rows, keyring: Keyring, key: Row) -> None:
    await rows.write(lambda tx: keyring.name(tx, HERE, "alias/mine", key))
    await rows.write(lambda tx: tx.update(key, status=PENDING, doc={**key.doc, "DeletionDate": clock.now() - 1}))
    with pytest.raises(NoKey):
        await keyring.resolve(HERE, key.name)
    assert await rows.write(keyring.tend) is None
    assert await rows.read(lambda tx: (tx.by_arn(key.arn), keyring.aliases(tx, HERE))) == (None, [])


@pytest.mark.parametrize("kind", [sealing.S3, sealing.KMS, sealing.CUSTOMER])
async def test_an_object_rests_sealed_and_reads_plain(sealed: Objects, blobs: Blobs, kind: str) -> None:
    wish = Wish(kind, customer=CUSTOMER if kind == sealing.CUSTOMER else None)
    given = wish.customer
    await sealed.keep("bucket", "k", b"plaintext " * 2000, wish=wish)
    entry = await sealed.head("bucket", "k")
    assert entry.size == 20_000
    assert b"plaintext" not in blobs.path(entry.blob).read_bytes()
    assert CUSTOMER.hex() not in str(entry.doc)
    assert b"".join([chunk async for chunk in sealed.read(entry, 5, 20, given)]) == (b"plaintext " * 2)[5:20]
    told, body = await sealed.fetch("bucket", "k", lambda entry: (0, 9, entry.key), customer=given)
    assert (told, body) == ("k", b"plaintext")


async def test_an_object_from_a_listing_reads_as_well(sealed: Objects) -> None:
    await sealed.keep("bucket", "k", b"plaintext", wish=Wish(sealing.S3))
    (entry,) = (await sealed.list("bucket")).entries
    assert b"".join([chunk async for chunk in sealed.read(entry)]) == b"plaintext"
    path = await sealed.file(entry)
    assert path.read_bytes() == b"plaintext"


async def test_a_customers_object_needs_the_key(sealed: Objects) -> None:
    entry = await sealed.keep("bucket", "k", b"plaintext", wish=Wish(sealing.CUSTOMER, customer=CUSTOMER))
    for wrong in (None, b"d" * 32):
        with pytest.raises(NeedsKey, match="s3://bucket/k"):
            await sealed.open(entry, customer=wrong)
    with pytest.raises(NeedsKey):
        await sealed.file(entry)


async def test_a_buckets_default_holds_for_every_writer(sealed: Objects, blobs: Blobs) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": sealing.S3}}
    await sealed.configure("bucket", lambda each: replace(each, doc={sealing.CONFIGURATION: {"Rules": [rule]}}))
    entry = await sealed.keep("bucket", "k", b"plaintext" * 2000)
    assert entry.doc[sealing.MEMBER]["Kind"] == sealing.S3
    assert b"plaintext" not in blobs.path(entry.blob).read_bytes()


async def test_a_small_object_rests_sealed_in_its_row(sealed: Objects, database: Database) -> None:
    entry = await sealed.keep("bucket", "k", b"plaintext", wish=Wish(sealing.S3))
    resting = await database.read(lambda connection: inlined.data(connection, entry.blob))
    assert resting is not None
    assert b"plaintext" not in resting
    assert await sealed.open(entry, 1, 3) == b"la"
    changed = bytes([resting[0] ^ 1]) + resting[1:]
    where = schema.inline.c.blob == entry.blob
    await database.write(lambda connection: connection.execute(update(schema.inline).where(where).values(data=changed)))
    with pytest.raises(Damaged):
        await sealed.open(entry)


async def test_damage_is_found_when_an_object_is_read(sealed: Objects, blobs: Blobs) -> None:
    entry = await sealed.keep("bucket", "k", b"plaintext" * 2000, wish=Wish(sealing.S3))
    path: Path = blobs.path(entry.blob)
    path.chmod(0o600)
    stored = bytearray(path.read_bytes())
    stored[3] ^= 1
    path.write_bytes(bytes(stored))
    with pytest.raises(Damaged):
        await sealed.open(entry)
