"""InvokeEndpoint: one prediction request, passed to the worker that serves the model.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.compute.channel import ModelError, WorkerLost
from potager.deploy.hosting import GROUP, KIND
from potager.deploy.router import Route, Router, Variant
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.store.rows import Rows
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.type_defs import InvokeEndpointInputTypeDef

runtime = Service("sagemaker-runtime")

TIMEOUT = 60.0
"""Seconds that a model has for one answer, as on AWS."""

MAX_BODY = 6 * 2**20
"""Bytes of a request's body, as on AWS: 6 MB."""

UNSERVED = ("TargetModel", "TargetContainerHostname", "EnableExplanations", "InferenceComponentName")


@runtime.operation
@partly("no multi-model, multi-container or component targets, no explanations, no sessions")
async def invoke_endpoint(ctx: Context, req: InvokeEndpointInputTypeDef) -> Mapping[str, Any]:
    """A prediction. `ModelError` (424) when the model could not answer, `ValidationError` without such an endpoint."""
    name = req["EndpointName"]
    body: Any = req.get("Body", b"")
    if len(body) > MAX_BODY:
        raise WireError("ValidationError", f"The body has {len(body)} bytes; at most {MAX_BODY} are taken. Send less.")
    for member in UNSERVED:
        if req.get(member):
            raise Unserved(f"{member} is not served yet. Leave it out.")
    route = ctx[Router].get((ctx.account, ctx.region, name)) or await _absent(ctx, name)
    variant = route.pick(req.get("TargetVariant"))
    answer, content_type = await _answer(ctx, name, variant, (body, req.get("ContentType", ""), req.get("Accept", "")))
    return {"Body": answer, "ContentType": content_type, "InvokedProductionVariant": variant.name}


async def _answer(ctx: Context, name: str, variant: Variant, ask: tuple[bytes, str, str]) -> tuple[bytes, str]:
    """The answer of one instance; of another one where the first was gone before it could have seen the request."""
    instance = variant.pick()
    try:
        try:
            return await instance.invoke(*ask, TIMEOUT)
        except WorkerLost as lost:
            if lost.delivered:
                raise
            instance = variant.pick()
            return await instance.invoke(*ask, TIMEOUT)
    except ModelError as error:
        raise told(error, ctx.account, name, instance.stream_arn) from error


def told(error: ModelError, account: str, endpoint: str, stream_arn: str) -> ModelError:
    """A model's error with where its log is."""
    error.fields["LogStreamArn"] = stream_arn
    error.message += f" See log group {GROUP}{endpoint} in account {account} for more information."
    return error


async def _absent(ctx: Context, name: str) -> Route:
    """Never a route: the reason why there is none."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise WireError("ValidationError", f"Endpoint {name} of account {ctx.account} not found in {ctx.region}.")
    if row.status == "InService":
        raise WireError("ServiceUnavailable", f"Endpoint {name} is coming back up. Try again in a moment.", 503)
    reason = f" ({row.doc['FailureReason']})" if "FailureReason" in row.doc else ""
    message = f"Endpoint {name} of account {ctx.account} is {row.status}{reason}. Invoke it once it is InService."
    raise WireError("ValidationError", message)
