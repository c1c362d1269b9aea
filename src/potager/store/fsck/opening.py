"""Opens what is encrypted under the server's own keys; under a customer's key, nobody here can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection

from potager.store.database import Database
from potager.store.fsck import Opener
from potager.store.keyring import Keyring, NoKey
from potager.store.rows import Rows
from potager.store.sealing import CUSTOMER, MEMBER, Sealing
from potager.store.seals import Seal
from potager.store.vault import Vault


def opener(secret: bytes | None) -> Opener:
    """What opens with the secret of a data folder's keys; without one, nothing is opened."""
    if secret is None:
        return lambda connection, doc: None
    vault = Vault(secret)
    sealing = Sealing(vault, Keyring(Rows(cast(Database, None), secret), vault))

    def opened(connection: Connection, doc: Mapping[str, Any]) -> Seal | None:
        said = doc.get(MEMBER)
        if said is None or said["Kind"] == CUSTOMER:
            return None
        try:
            return sealing.of(connection, said)
        except NoKey:  # the key is gone or put out of use, as somebody wished
            return None

    return opened
