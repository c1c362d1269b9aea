"""Temporary credentials: those by which a job's program calls AWS back, this server, and those of an assumed role.

    secret ──HMAC── session (which job) ─► access key ─► secret access key
                          ├──────────────► session token, which names the job
                          └──────────────► login of the proxy that answers AWS's host names, which names it too

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
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from potager.kernel import hosts

PREFIX = "ASIA"
"""How AWS's temporary access keys begin."""


@dataclass(frozen=True, slots=True)
class Session:
    """What runs with the credentials: a row of the store, or what a client was granted (`potager.access.grants`).

    kind, account, region, name : the row's.
    id : its document's `_id`, which a later row of the same name does not share.
    """

    kind: str
    account: str
    region: str
    name: str
    id: str


class Trust(Protocol):
    """Where programs find the certificate of whoever answers AWS's host names here (`potager.cli.passage`)."""

    folder: Path
    """Which they must be able to read."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables that name files in `folder`, which are there once this was asked. Takes a moment at first."""
        ...


class Sessions:
    """Makes and reads credentials.

    Parameters
    ----------
    secret : the server's.
    url : where programs on this machine reach the server, as an endpoint and as an HTTPS proxy.
    trust : None where there is no proxy.
    """

    def __init__(self, secret: bytes, url: str, trust: Trust | None = None) -> None:
        self._secret = secret
        self.url = url
        self._trust = trust

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

        Takes a moment the first time: call it in a thread.

        given : the user's own variables, which win; with keys of their own among them there are no credentials.
        """
        environment = self.surroundings(session.region) | dict(given)
        secrets = {} if "AWS_ACCESS_KEY_ID" in given else self.credentials(session)
        return environment, secrets | self._proxied(session, given)

    def _proxied(self, session: Session, given: Mapping[str, str]) -> dict[str, str]:
        """The way to AWS's host names. A secret, for the login is in it."""
        if self._trust is None or {"HTTPS_PROXY", "https_proxy"} & given.keys():
            return {}
        place = self.url.partition("://")[2]
        user, password = (quote(part, safe="") for part in self.login(session))
        # Plain, wherever the server speaks https: many clients know no other proxies, and it is on this machine.
        proxy = f"http://{user}:{password}@{place}"
        return {"HTTPS_PROXY": proxy, "https_proxy": proxy}

    def surroundings(self, region: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The variables that bring AWS clients on this machine here, past any proxy of the server's environment."""
        known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        direct = ",".join(dict.fromkeys([*hosts.exemptions(known), urlsplit(self.url).hostname or ""]))
        return {
            **(self._trust.variables if self._trust else {}),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def login(self, session: Session) -> tuple[str, str]:
        """User and password of the proxy, for a session."""
        claim = _claim(session)
        return _text(claim), _text(self._digest("proxy", claim))

    def guest(self, user: str, password: str) -> Session | None:
        """The session that a login of the proxy was made for, None for one that we did not make."""
        try:
            claim, digest = (base64.b64decode(part, b"-_", validate=True) for part in (user, password))
        except ValueError:
            return None
        return Session(*json.loads(claim)) if hmac.compare_digest(digest, self._digest("proxy", claim)) else None

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
