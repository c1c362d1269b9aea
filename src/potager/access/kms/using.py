"""What keys are for: small texts encrypted and decrypted, data keys, random bytes.

A ciphertext names its key, so Decrypt may leave it out. The encryption context has to be the same again.
Source: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-concepts.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from potager.access.kms.service import Output, Req, dry, refuse, service
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, WireError
from potager.store.keyring import DataKey, Keyring, NoKey
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

ALGORITHM = "SYMMETRIC_DEFAULT"
SIZES = {"AES_128": 16, "AES_256": 32}
"""Bytes of a data key by its KeySpec."""
UNKNOWN = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not "
    "allowed to access."
)


@service.operation
@partly("no grants")
async def encrypt(ctx: Context, req: Req) -> Output:
    """A text of up to 4,096 bytes under a key."""
    refuse(req)
    _symmetric(req, "EncryptionAlgorithm")
    key = await ctx[Keyring].resolve(ctx.scope, req["KeyId"])
    dry(req)
    ciphertext = ctx[Keyring].encrypt(key, req["Plaintext"], req.get("EncryptionContext", {}))
    return {"CiphertextBlob": ciphertext, "KeyId": key.arn, "EncryptionAlgorithm": ALGORITHM}


@service.operation
@partly("no grants, no enclaves")
async def decrypt(ctx: Context, req: Req) -> Output:
    """The text of a ciphertext, and the key it was under."""
    refuse(req)
    _symmetric(req, "EncryptionAlgorithm")
    key, text = await _decrypted(ctx, req, "KeyId", req.get("EncryptionContext", {}))
    dry(req)
    return {"KeyId": key.arn, "Plaintext": text, "EncryptionAlgorithm": ALGORITHM}


@service.operation
@partly("no grants")
async def re_encrypt(ctx: Context, req: Req) -> Output:
    """A ciphertext under another key, or in another context; its text is not shown."""
    refuse(req)
    _symmetric(req, "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm")
    source, text = await _decrypted(ctx, req, "SourceKeyId", req.get("SourceEncryptionContext", {}))
    key = await ctx[Keyring].resolve(ctx.scope, req["DestinationKeyId"])
    dry(req)
    return {
        "CiphertextBlob": ctx[Keyring].encrypt(key, text, req.get("DestinationEncryptionContext", {})),
        "SourceKeyId": source.arn,
        "KeyId": key.arn,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "DestinationEncryptionAlgorithm": ALGORITHM,
    }


@service.operation
@partly("no grants, no enclaves")
async def generate_data_key(ctx: Context, req: Req) -> Output:
    """A fresh key, in plain and under a key of KMS."""
    key = await _data_key(ctx, req)
    return {"CiphertextBlob": key.ciphertext, "Plaintext": key.plaintext, "KeyId": key.arn}


@service.operation
@partly("no grants")
async def generate_data_key_without_plaintext(ctx: Context, req: Req) -> Output:
    """A fresh key under a key of KMS, for later."""
    key = await _data_key(ctx, req)
    return {"CiphertextBlob": key.ciphertext, "KeyId": key.arn}


@service.operation
@partly("no enclaves, no custom key stores")
async def generate_random(ctx: Context, req: Req) -> Output:
    """Random bytes."""
    refuse(req)
    if "NumberOfBytes" not in req:
        raise Invalid("NumberOfBytes is required.")
    return {"Plaintext": secrets.token_bytes(req["NumberOfBytes"])}


async def _data_key(ctx: Context, req: Req) -> DataKey:
    refuse(req)
    if ("NumberOfBytes" in req) == ("KeySpec" in req):
        raise Invalid("Please specify either number of bytes or key spec.")
    size = req["NumberOfBytes"] if "NumberOfBytes" in req else SIZES[req["KeySpec"]]
    key = await ctx[Keyring].data_key(ctx.scope, req["KeyId"], req.get("EncryptionContext", {}), size)
    dry(req)
    return key


async def _decrypted(ctx: Context, req: Req, member: str, context: Mapping[str, str]) -> tuple[Row, bytes]:
    """A ciphertext's key and text; a key that is not here is not told from one that nobody may use, as on AWS."""
    if "CiphertextBlob" not in req:
        raise Invalid("CiphertextBlob is required.")
    expected = (ctx.scope, req[member]) if member in req else None

    def read(tx: Tx) -> tuple[Row, bytes]:
        if expected is not None:
            ctx[Keyring].find(tx, *expected)
        try:
            found = ctx[Keyring].decrypt(tx, req["CiphertextBlob"], context, expected)
        except NoKey as fault:
            if type(fault) is not NoKey:
                raise
            raise WireError("AccessDeniedException", UNKNOWN) from fault
        if found[0].scope != ctx.scope:
            raise WireError("AccessDeniedException", UNKNOWN)
        return found

    return await ctx[Rows].read(read)


def _symmetric(req: Req, *members: str) -> None:
    for member in members:
        if req.get(member, ALGORITHM) != ALGORITHM:
            text = f"{member} {req[member]} is not for symmetric keys, and there are no others."
            raise WireError("InvalidKeyUsageException", text)
