"""Temporary credentials by which a job's program calls AWS back: this server.

    secret ──HMAC── session (which job) ─► access key ─► secret access key
                          └──────────────► session token, which names the job

They are computed and never stored: the same job always has the same ones, whichever server process asks. They are
good as long as the job lives, which whoever reads a token has to check (`potager.access.callers`).
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass

PREFIX = "ASIA"
"""How AWS's temporary access keys begin."""

_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Session:
    """What runs with the credentials: a row of the store.

    kind, account, region, name : the row's.
    id : its document's `_id`, which a later row of the same name does not share.
    """

    kind: str
    account: str
    region: str
    name: str
    id: str


class Sessions:
    """Makes and reads credentials.

    Parameters
    ----------
    secret : the server's.
    url : where programs on this machine reach the server.
    """

    def __init__(self, secret: bytes, url: str) -> None:
        self._secret = secret
        self.url = url

    def credentials(self, session: Session) -> dict[str, str]:
        """The variables that hold a session's credentials: secrets, each of them."""
        claim = _claim(session)
        access_key = self._access_key(claim)
        return {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key(access_key),
            "AWS_SESSION_TOKEN": f"{_text(claim)}.{_text(self._digest('token', claim))}",
        }

    def inside(self, session: Session, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """The environment and the secrets of a program that may call AWS back.

        given : the user's own variables, which win; with keys of their own among them there are no secrets.
        """
        environment = self.surroundings(session.region) | dict(given)
        return environment, {} if "AWS_ACCESS_KEY_ID" in given else self.credentials(session)

    def surroundings(self, region: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The variables that bring AWS clients on this machine here, past any proxy of the server's environment."""
        known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        direct = ",".join([*_HERE, *([known] if known else [])])
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def secret_of(self, access_key: str) -> str | None:
        """The secret access key of one of our access keys, None for any other text."""
        lead, mark = access_key[:-8], access_key[-8:]
        if not access_key.isascii() or not hmac.compare_digest(self._mark(lead), mark):
            return None
        return self._secret_key(access_key)

    def session(self, access_key: str, token: str) -> Session | None:
        """The session that a token names, None when we did not make it for this access key."""
        try:
            claim, digest = (base64.b64decode(part, b"-_", validate=True) for part in token.split("."))
        except ValueError:
            return None
        good = hmac.compare_digest(digest, self._digest("token", claim))
        if not good or self._access_key(claim) != access_key:
            return None
        return Session(*json.loads(claim))

    def _access_key(self, claim: bytes) -> str:
        """20 characters, of which the last 8 prove that we made the others."""
        lead = PREFIX + _letters(self._digest("access key", claim))
        return lead + self._mark(lead)

    def _mark(self, lead: str) -> str:
        return _letters(self._digest("mark", lead.encode()))

    def _secret_key(self, access_key: str) -> str:
        return base64.b64encode(self._digest("secret access key", access_key.encode())[:30]).decode()

    def _digest(self, purpose: str, data: bytes) -> bytes:
        return hmac.digest(self._secret, b"potager session\0" + purpose.encode() + b"\0" + data, "sha256")


def _claim(session: Session) -> bytes:
    return json.dumps(astuple(session), separators=(",", ":")).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data, b"-_").decode()


def _letters(digest: bytes) -> str:
    return base64.b32encode(digest[:5]).decode()
