"""Who is at the browser: a one-time link, then a cookie.

    potager up, potager studio ─► link, good once and for ten minutes ─► cookie, signed, for twelve hours

Links and cookies say what they are good for and until when, and are signed with the data folder's keys: whoever may
read those may make a link, and a cookie survives a restart, but no change of the keys. What is stored, in memory alone,
is what must not be taken a second time: links that were used and sessions that were ended, until they are too old
anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from potager.kernel import clock
from potager.kernel.settings import Keys

COOKIE = "potager-studio"
LIFE = 12 * 3600
"""Seconds that a cookie is good for."""
LINK_LIFE = 600
"""Seconds that a link is."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in: the access key that the rights are those of, the session's nonce, and its end (a Unix time)."""

    access_key: str
    nonce: str
    until: float


class SignIn:
    """Makes links and cookies, and reads them.

    Parameters
    ----------
    keys : the administrator's key pair, whom links sign in, and the server's secret. All that is signed here is signed
        with something derived of all three: who got in by another key pair is out.
    """

    def __init__(self, keys: Keys) -> None:
        pair = json.dumps([keys.access_key_id, keys.secret_access_key]).encode()
        self._secret = hmac.new(keys.secret, b"studio" + pair, hashlib.sha256).digest()
        self._access_key = keys.access_key_id
        self._over: dict[str, float] = {}
        self._since = clock.now()

    def link(self) -> str:
        """A token that signs the administrator in, once."""
        return self._signed("link", Person(self._access_key, secrets.token_urlsafe(12), clock.now() + LINK_LIFE))

    def taken(self, token: str) -> str | None:
        """The cookie that a link's token is good for; None for one that was used, is too old or was never made."""
        found = self._read("link", token)
        if found is None or found.until < self._since + LINK_LIFE:  # an older server may have taken it
            return None
        self.end(found)
        return self._cookie(found.access_key)

    def by_key(self, secret_key: str, known: str | None) -> str | None:
        """The administrator's cookie for who knows the secret key; `known` is that of the access key that was given."""
        alike = known is not None and hmac.compare_digest(secret_key.encode(), known.encode())
        return self._cookie(self._access_key) if alike else None

    def person(self, cookie: str | None) -> Person | None:
        """Whose cookie it is; None for none, a forged, an old or an ended one."""
        return self._read("cookie", cookie or "")

    def lasts(self, person: Person) -> bool:
        """Whether a session goes on: it was not ended, and is not too old."""
        return person.until > clock.now() and person.nonce not in self._over

    def end(self, person: Person) -> None:
        """Lets a session, or a link, be good no longer."""
        now = clock.now()
        self._over = {nonce: until for nonce, until in self._over.items() if until > now}
        self._over[person.nonce] = person.until

    def form_token(self, person: Person) -> str:
        """What a form of this session must carry, which a forged one cannot know."""
        return self._mac("form", person.nonce)

    def genuine(self, person: Person, token: str) -> bool:
        """Whether a form's token is this session's."""
        return hmac.compare_digest(token.encode(), self.form_token(person).encode())

    def _cookie(self, access_key: str) -> str:
        return self._signed("cookie", Person(access_key, secrets.token_urlsafe(16), clock.now() + LIFE))

    def _signed(self, purpose: str, person: Person) -> str:
        head = base64.urlsafe_b64encode(json.dumps(asdict(person)).encode()).decode()
        return f"{head}.{self._mac(purpose, head)}"

    def _read(self, purpose: str, text: str) -> Person | None:
        head, _, mac = text.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(purpose, head).encode()):
            return None
        try:
            content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head))
            found = Person(**content)
        except (ValueError, TypeError, binascii.Error):  # made by another version
            return None
        return found if self.lasts(found) else None

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
