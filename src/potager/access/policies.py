"""What somebody may do, asked in advance: SimulatePrincipalPolicy. The one role may do everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.access.roles import ROLE, role_arn
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.kernel.names import Arn
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_iam.type_defs import SimulatePrincipalPolicyRequestTypeDef

iam = Service("iam")

FURTHER = ("PolicyInputList", "PermissionsBoundaryPolicyInputList", "PolicyExclusionList", "ResourcePolicy")
"""Members that would have policies evaluated, of which there are none."""


@iam.operation
@partly("the one role, which may do everything; no further policies; all results in one page")
async def simulate_principal_policy(ctx: Context, req: SimulatePrincipalPolicyRequestTypeDef) -> Mapping[str, Any]:
    """Whether the role may do things: it may.

    `NoSuchEntity` (404) for another role of the account, `AccessDenied` (403) for one of another account: nobody here
    can look into that, and the SDK then goes on with a warning.
    """
    for member in FURTHER:
        if req.get(member):
            raise Unserved(f"{member} is not served: there are no policies to weigh. Leave it out.")
    _must_be_the_role(ctx, req["PolicySourceArn"])
    resources = req.get("ResourceArns") or ["*"]
    results: list[dict[str, Any]] = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed", "MissingContextValues": []}
        for action in req["ActionNames"]
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _must_be_the_role(ctx: Context, text: str) -> None:
    arn = Arn.parse(text)
    if arn.account != ctx.account:
        message = (
            f"User: {ctx.caller.arn} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: {text}: "
            f"it belongs to account {arn.account}, and this is {ctx.account}."
        )
        raise WireError("AccessDenied", message, 403)
    if text != role_arn(ctx.account):
        message = f"The principal {text} cannot be found. Potager has one role, {ROLE}."
        raise WireError("NoSuchEntity", message, 404)
