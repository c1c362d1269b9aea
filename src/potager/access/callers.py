"""Who signed a request: the administrator, the program of a job that runs, or whoever was granted a session.

A job's credentials (`kernel.sessions`) name its row. They end with the job, so every use looks the row up. Those that a
client asked for (`grants.py`) carry their end with them.
"""

from __future__ import annotations

from potager.access import grants
from potager.access.roles import ROLE, ROLE_ID, administrator
from potager.kernel.context import ANONYMOUS, Caller
from potager.kernel.names import Scope
from potager.kernel.sessions import Session, Sessions
from potager.kernel.settings import Keys
from potager.store.rows import Rows
from potager.wire import refusal
from potager.wire.sigv4 import Identity

ENDED = frozenset({"Completed", "Failed", "Stopped"})
"""Statuses in which no program of a row's runs any more."""


class Callers:
    """Knows everybody who may sign.

    Parameters
    ----------
    account : the administrator's.
    keys : the administrator's key pair.
    """

    def __init__(self, rows: Rows, sessions: Sessions, account: str, keys: Keys) -> None:
        self._rows = rows
        self._sessions = sessions
        self._keys = keys
        self._administrator = administrator(account, keys.access_key_id)

    def secret_of(self, access_key: str) -> str | None:
        """The secret of an access key, None for a key that nobody has."""
        if access_key == self._keys.access_key_id:
            return self._keys.secret_access_key
        return self._sessions.secret_of(access_key)

    async def caller(self, identity: Identity, protocol: str) -> Caller:
        """Whose signature it is, `ANONYMOUS` without one.

        `WireError` for a session whose token is missing or wrong, or which has ended.
        """
        if not identity.access_key:
            return ANONYMOUS
        if identity.access_key == self._keys.access_key_id:
            return self._administrator
        session = self._sessions.session(identity.access_key, identity.token or "")
        if session is None:
            raise refusal.of(protocol).token()
        if not await self._lives(session):
            raise refusal.of(protocol).ended()
        known = grants.holder if grants.granted(session) else program
        return known(session, identity.access_key)

    async def admits(self, user: str, password: str) -> bool:
        """Whether a login of the proxy is that of a job that runs."""
        session = self._sessions.guest(user, password)
        return session is not None and await self._lives(session)

    async def _lives(self, session: Session) -> bool:
        if grants.granted(session):
            return grants.lasts(session)
        row = await self._rows.get(session.kind, Scope(session.account, session.region), session.name)
        return row is not None and row.doc.get("_id") == session.id and row.status not in ENDED


def program(session: Session, access_key: str) -> Caller:
    """The program of a job, in the role that every program has."""
    name = f"SageMaker-{session.name}"
    arn = f"arn:aws:sts::{session.account}:assumed-role/{ROLE}/{name}"
    return Caller(session.account, arn, f"{ROLE_ID}:{name}", access_key)
