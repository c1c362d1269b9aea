"""The role that everything runs as, for STS and IAM.

The administrator's key answers as an assumed role, because the SageMaker SDK derives its execution role from the
caller's ARN and refuses a `user/` one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from potager.kernel.context import Caller, Context
from potager.kernel.errors import WireError
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_iam.type_defs import GetRoleRequestTypeDef

sts = Service("sts")
iam = Service("iam")

ROLE = "PotagerExecutionRole"
ROLE_ID = "AROAPOTAGEREXECUTION0"
CREATED = 1735689600.0
"""When the role says that it was created: it is as old as Potager."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


LONGEST = 43200
"""Seconds that the role may be assumed for."""


def role_arn(account: str) -> str:
    """The role's ARN in an account."""
    return f"arn:aws:iam::{account}:role/{ROLE}"


def administrator(account: str, access_key: str) -> Caller:
    """The holder of the administrator's key pair."""
    arn = f"arn:aws:sts::{account}:assumed-role/{ROLE}/administrator"
    return Caller(account=account, arn=arn, user_id=f"{ROLE_ID}:administrator", access_key=access_key)


@sts.operation
async def get_caller_identity(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Who signed the request."""
    return {"UserId": ctx.caller.user_id, "Account": ctx.account, "Arn": ctx.caller.arn}


@iam.operation
@partly("one role")
async def get_role(ctx: Context, req: GetRoleRequestTypeDef) -> Mapping[str, Any]:
    """The one role there is. `NoSuchEntity` (404) for another."""
    name = req["RoleName"]
    if name != ROLE:
        message = f"The role with name {name} cannot be found. Potager has one role, {ROLE}."
        raise WireError("NoSuchEntity", message, 404)
    role = {
        "Path": "/",
        "RoleName": ROLE,
        "RoleId": ROLE_ID,
        "Arn": role_arn(ctx.account),
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": quote(json.dumps(TRUST)),
        "Description": "What jobs and endpoints run as.",
        "MaxSessionDuration": LONGEST,
    }
    return {"Role": role}
