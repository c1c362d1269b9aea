"""InvokeEndpointWithResponseStream: an answer that comes in parts, as the model makes them.

    Route ─► Variant ─► Instance ─► Worker ─► compute/flow.py: Flow ─► PayloadPart, PayloadPart ...

A model that fails before its first part is answered as InvokeEndpoint answers it (ModelError, 424); later, the stream
ends with a ModelStreamError. Source:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from potager.compute.faults import ModelError, Overrun, WorkerHung, WorkerLost
from potager.compute.flow import Flow
from potager.deploy import invocation, pipeline
from potager.deploy.limits import Limits
from potager.deploy.pool import Serverless
from potager.deploy.router import Exchange, Instance, Route, Variant, Worker
from potager.deploy.sessions import Stays
from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.kernel.prediction import Query
from potager.wire.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.type_defs import InvokeEndpointWithResponseStreamInputTypeDef

runtime = Service("sagemaker-runtime")


@runtime.operation
async def invoke_endpoint_with_response_stream(
    ctx: Context, req: InvokeEndpointWithResponseStreamInputTypeDef
) -> Mapping[str, Any]:
    """A prediction in parts. Raises as InvokeEndpoint does until the first part is there."""
    limits = ctx[Limits]
    query = invocation.asked(req, limits, ctx.trace)
    route = await invocation.route(ctx, req)
    kept = ctx[Stays].of(route, query.session) if query.session else None
    flow, variant = await begun(route, query, limits, req.get("TargetVariant"), kept, ctx.came)
    return {
        "Body": _events(flow),
        "ContentType": flow.answer.content_type,
        "InvokedProductionVariant": variant.name,
        "CustomAttributes": flow.answer.attributes or None,
    }


async def _events(flow: Flow) -> AsyncIterator[Mapping[str, Any]]:
    try:
        async for part in flow:
            yield {"PayloadPart": {"Bytes": part}}
    except ModelError as error:
        late = isinstance(error, (WorkerHung, Overrun))
        code = "ModelInvocationTimeExceeded" if late else "StreamBroken"
        raise WireError("ModelStreamError", error.message, fields={"ErrorCode": code}) from error
    finally:
        await flow.aclose()


async def begun(
    route: Route,
    query: Query,
    limits: Limits,
    target: str | None,
    kept: tuple[Variant, Instance] | None = None,
    came: float = 0.0,
) -> tuple[Flow, Variant]:
    """A stream whose first part is there, and the variant that makes it; watchers are told when it has ended.

    kept : who has to make it, for a session. came : when the request did, by `perf_counter`; 0 where nobody waits.
    """
    variant = kept[0] if kept else route.pick(target)
    if isinstance(variant, Serverless):
        text = f"Variant {variant.name} is serverless, and does not stream its answers, as on AWS. Use InvokeEndpoint."
        raise WireError("ValidationError", text)
    at, start = clock.now(), perf_counter()
    overhead = start - came if came else 0.0

    def tell(error: WireError | None = None, flow: Flow | None = None) -> None:
        answer = flow.answer if flow is not None and error is None else None
        route.tell(Exchange(query, variant.name, at, perf_counter() - start, answer, error, overhead, streamed=True))

    try:
        flow = await (_of_instance(kept[1], query, limits) if kept else _of_variant(variant, query, limits))
    except WireError as error:
        tell(error)
        raise
    flow.then(lambda error: tell(error, flow))
    return flow, variant


async def _of_variant(variant: Variant, query: Query, limits: Limits) -> Flow:
    """As `Variant.invoke`: another instance is asked where the first one was gone before it could have seen it."""
    try:
        return await _of_instance(variant.pick(), query, limits)
    except WorkerLost as lost:
        if lost.delivered:
            raise
        return await _of_instance(variant.pick(), query, limits)


async def _of_instance(instance: Instance, query: Query, limits: Limits) -> Flow:
    instance.begin(query)
    try:
        worker, asked = instance.workers[-1], query
        if not instance.serial:
            worker = pipeline.target(instance.workers, query)
        elif len(instance.workers) > 1 or query.container:
            asked, _ = await pipeline.prepared(instance.workers, query, limits.timeout)
        flow = await _of_worker(worker, asked, limits)
    except BaseException:
        instance.end(query)
        raise
    flow.then(lambda _: instance.end(query))
    return flow


async def _of_worker(worker: Worker, query: Query, limits: Limits) -> Flow:
    if worker.many:
        text = "A multi-model container does not stream answers, for no TargetModel can be named. Use InvokeEndpoint."
        raise WireError("ValidationError", text)

    def ended(error: ModelError | None) -> None:
        if isinstance(error, WorkerHung):
            worker.kill()
        if error is not None:
            worker.told(error)

    try:
        flow = await worker.channel.stream(query, limits.timeout, limits.stream)
    except ModelError as error:
        ended(error)
        raise
    flow.then(ended)
    return flow
