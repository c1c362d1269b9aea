"""The keys of a data folder: random at first, the administrator's own when given, kept in `keys.json` (0600)."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from pathlib import Path

from potager.cli.folder import write_atomically
from potager.kernel.errors import Invalid
from potager.kernel.settings import Keys, Settings

FILE = "keys.json"

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ANY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def read(data: Path) -> Keys:
    """The keys that the folder holds."""
    path = data / FILE
    try:
        said = json.loads(path.read_text("utf-8"))
        return Keys(said["access_key_id"], said["secret_access_key"], bytes.fromhex(said["secret"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Invalid(
            f"{path}: cannot read the keys: {error}. Without the file, the next start makes new ones."
        ) from error


def settle(settings: Settings) -> Keys:
    """The keys in force: those given, else those of the folder, else random ones; the folder holds them afterwards.

    Called by the server that holds the folder's lock, so that nobody else writes.
    """
    if bool(settings.access_key_id) != bool(settings.secret_access_key):
        raise Invalid("Of access_key_id and secret_access_key one is given and the other is not. Give both or neither.")
    before = read(settings.data) if (settings.data / FILE).exists() else None
    keys = _chosen(settings, before)
    if keys != before:
        write_atomically(settings.data / FILE, _dumps(keys), mode=0o600)
    return keys


def _chosen(settings: Settings, before: Keys | None) -> Keys:
    keys = before or Keys(_access_key_id(), _letters(_ANY, 40), secrets.token_bytes(32))
    if not settings.access_key_id:
        return keys
    return Keys(settings.access_key_id, settings.secret_access_key, keys.secret)


def _dumps(keys: Keys) -> str:
    return json.dumps(asdict(keys) | {"secret": keys.secret.hex()}, indent=2) + "\n"


def _access_key_id() -> str:
    return "AKIA" + _letters(_UPPER, 16)


def _letters(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
