"""InvokeEndpoint: one prediction request, passed to the worker that serves the model.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from potager.deploy.components import endpoints as components
from potager.deploy.components import routing
from potager.deploy.components.hosting import ComponentHost
from potager.deploy.hosting import KIND
from potager.deploy.limits import Limits
from potager.deploy.router import NoInstance, Route, Router, Variant
from potager.deploy.sessions import Stays
from potager.deploy.waiting import Waiting
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.kernel.prediction import Answer, Query
from potager.store.rows import Rows
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.type_defs import InvokeEndpointInputTypeDef

runtime = Service("sagemaker-runtime")

UNSERVED = ("EnableExplanations",)


@runtime.operation
@partly("no explanations")
async def invoke_endpoint(ctx: Context, req: InvokeEndpointInputTypeDef) -> Mapping[str, Any]:
    """A prediction. `ModelError` (424) when the model could not answer, `ValidationError` without such an endpoint."""
    limits = ctx[Limits]
    query = asked(req, limits, ctx.trace)
    target = req.get("TargetVariant")

    def ask(found: Route) -> Awaitable[tuple[Answer, Variant]]:
        if query.session:
            return ctx[Stays].invoke(found, query, limits.timeout, target, ctx.came)
        return found.invoke(query, limits.timeout, target, ctx.came)

    try:
        answer, variant = await ask(await route(ctx, req))
    except NoInstance:
        key = ctx.account, ctx.region, req.get("InferenceComponentName") or req["EndpointName"]
        answer, variant = await ctx[Waiting].answered(key, lambda: route(ctx, req), ask)
    return {
        "Body": answer.body,
        "ContentType": answer.content_type,
        "InvokedProductionVariant": variant.name,
        "CustomAttributes": answer.attributes or None,
        "NewSessionId": answer.session or None,
        "ClosedSessionId": answer.closed or None,
    }


async def route(ctx: Context, req: Mapping[str, Any]) -> Route:
    """The route of the endpoint that a request names, or of its component; or why there is none."""
    name = req["EndpointName"]
    if component := req.get("InferenceComponentName"):
        return await routing.route(ctx, ctx[ComponentHost], name, component)
    found = ctx[Router].get((ctx.account, ctx.region, name)) or await _absent(ctx, name)
    if found.concurrent:
        message = f"Endpoint {name} of account {ctx.account} is an asynchronous endpoint. Use InvokeEndpointAsync."
        raise WireError("ValidationError", message)
    return found


def asked(req: Mapping[str, Any], limits: Limits, trace: str = "") -> Query:
    """What is asked of the model; a `Fault` for what is not served or too large."""
    body: Any = req.get("Body", b"")
    if len(body) > limits.body:
        raise WireError(
            "ValidationError", f"The body has {len(body)} bytes; at most {limits.body} are taken. Send less."
        )
    for member in UNSERVED:
        if req.get(member):
            raise Unserved(f"{member} is not served yet. Leave it out.")
    return Query(
        body,
        req.get("ContentType", ""),
        req.get("Accept", ""),
        attributes=req.get("CustomAttributes", ""),
        model=req.get("TargetModel", ""),
        inference_id=req.get("InferenceId", ""),
        session=req.get("SessionId", ""),
        container=req.get("TargetContainerHostname", ""),
        trace=trace,
    )


async def _absent(ctx: Context, name: str) -> Route:
    """Never a route: the reason why there is none."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise WireError("ValidationError", f"Endpoint {name} of account {ctx.account} not found in {ctx.region}.")
    if components.bare(row.doc["_wanted"]):
        raise WireError("ValidationError", routing.REQUIRED)
    if row.status == "InService":
        raise NoInstance(f"Endpoint {name} is coming back up. Try again in a moment.")
    reason = f" ({row.doc['FailureReason']})" if "FailureReason" in row.doc else ""
    message = f"Endpoint {name} of account {ctx.account} is {row.status}{reason}. Invoke it once it is InService."
    raise WireError("ValidationError", message)
