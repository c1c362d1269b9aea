"""Temporary credentials that a client asks for: AssumeRole of the one role, GetSessionToken of one's own self.

They are computed from the server's secret and carry their end with them (`kernel.sessions`); nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.access.roles import LONGEST, ROLE, ROLE_ID, administrator, role_arn
from potager.kernel import clock
from potager.kernel.context import Caller, Context
from potager.kernel.errors import Unserved, WireError
from potager.kernel.sessions import PREFIX, Session, Sessions
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sts.type_defs import AssumeRoleRequestTypeDef, GetSessionTokenRequestTypeDef

sts = Service("sts")

ROLE_SESSION, OWN_SESSION = "assumed-role", "session-token"
"""The kinds of sessions that are granted; the others are kinds of rows."""

CHAINED = 3600
"""Seconds that a role may be assumed for with credentials that are temporary themselves: they may outlive their job."""
USUAL, OWN_USUAL = 3600, 43200
"""Seconds of a session that does not say."""


@sts.operation
@partly("the one role there is; tags and MFA codes are passed over")
async def assume_role(ctx: Context, req: AssumeRoleRequestTypeDef) -> Mapping[str, Any]:
    """Credentials of the role, for a time. `AccessDenied` for any other one: AWS does not tell which are there."""
    arn, name, seconds = req["RoleArn"], req["RoleSessionName"], req.get("DurationSeconds", USUAL)
    if arn != role_arn(ctx.account):
        message = (
            f"User: {ctx.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}. "
            f"Potager has one role, {role_arn(ctx.account)}."
        )
        raise WireError("AccessDenied", message, 403)
    if req.get("Policy") or req.get("PolicyArns"):
        raise Unserved("Session policies are not served: everybody may do everything. Leave Policy and PolicyArns out.")
    if seconds > LONGEST:
        raise WireError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration of this role.")
    if seconds > CHAINED and _is_temporary(ctx.caller):
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise WireError("ValidationError", text)
    session = Session(ROLE_SESSION, ctx.account, "", name, str(int(clock.now()) + seconds))
    user = assumed(session, "")
    answer = {
        "Credentials": _credentials(ctx, session),
        "AssumedRoleUser": {"AssumedRoleId": user.user_id, "Arn": user.arn},
        "PackedPolicySize": 0,
    }
    return answer | ({"SourceIdentity": req["SourceIdentity"]} if "SourceIdentity" in req else {})


@sts.operation
@partly("MFA codes are passed over")
async def get_session_token(ctx: Context, req: GetSessionTokenRequestTypeDef) -> Mapping[str, Any]:
    """The caller's own power for a time. `AccessDenied` for a caller whose credentials are temporary already."""
    if _is_temporary(ctx.caller):
        raise WireError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = req.get("DurationSeconds", OWN_USUAL)
    session = Session(OWN_SESSION, ctx.account, "", "administrator", str(int(clock.now()) + seconds))
    return {"Credentials": _credentials(ctx, session)}


def granted(session: Session) -> bool:
    """Whether a session was granted here, and is no row's."""
    return session.kind in (ROLE_SESSION, OWN_SESSION)


def lasts(session: Session) -> bool:
    """Whether a granted session's time is not over."""
    return clock.now() < int(session.id)


def holder(session: Session, access_key: str) -> Caller:
    """Who signs with the credentials of a granted session."""
    if session.kind == OWN_SESSION:
        return administrator(session.account, access_key)
    return assumed(session, access_key)


def assumed(session: Session, access_key: str) -> Caller:
    """The role, under the name that a session has."""
    arn = f"arn:aws:sts::{session.account}:assumed-role/{ROLE}/{session.name}"
    return Caller(session.account, arn, f"{ROLE_ID}:{session.name}", access_key)


def _credentials(ctx: Context, session: Session) -> dict[str, Any]:
    keys = ctx[Sessions].credentials(session)
    return {
        "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": keys["AWS_SESSION_TOKEN"],
        "Expiration": float(session.id),
    }


def _is_temporary(caller: Caller) -> bool:
    return caller.access_key.startswith(PREFIX)
