"""InvokeEndpointAsync: writes a request down and says where its answer will be.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.deploy.asynchronous import terms
from potager.deploy.asynchronous.queue import KIND, QUEUED, Queue
from potager.deploy.hosting import KIND as ENDPOINT
from potager.kernel import uris
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, WireError
from potager.store.rows import Rows
from potager.wire.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.type_defs import InvokeEndpointAsyncInputTypeDef

runtime = Service("sagemaker-runtime")

TTL = 21600
"""Seconds that a request waits at most, as on AWS: six hours."""
TIMEOUT = 900
"""Seconds that a model has for it, as on AWS: a quarter of an hour."""


@runtime.operation
async def invoke_endpoint_async(ctx: Context, req: InvokeEndpointAsyncInputTypeDef) -> Mapping[str, Any]:
    """Takes a request on. It is answered once, however often the server is killed meanwhile."""
    name = req["EndpointName"]
    config = await _config(ctx, name)
    request, body = str(uuid.uuid4()), _body(req)
    inference = req.get("InferenceId") or str(uuid.uuid4())
    output, failure = terms.locations(config, request, req.get("S3OutputPathExtension", ""), req.get("Filename", ""))
    doc = {
        "endpoint": name,
        "input": req.get("InputLocation"),
        "body": None if body is None else base64.b64encode(body).decode(),
        "content_type": req.get("ContentType"),
        "accept": req.get("Accept"),
        "attributes": req.get("CustomAttributes"),
        "inference_id": inference,
        "output": output,
        "failure": failure,
        "ttl": req.get("RequestTTLSeconds", TTL),
        "timeout": req.get("InvocationTimeoutSeconds", TIMEOUT),
        "key": config["OutputConfig"].get("KmsKeyId"),
        "notices": config["OutputConfig"].get("NotificationConfig", {}),
    }
    arn = ctx.arn(f"endpoint/{name.lower()}/async-invocation/{request}")
    row = await ctx[Rows].write(lambda tx: tx.insert(KIND, ctx.scope, request, doc, arn=arn, status=QUEUED))
    ctx[Queue].add(row)
    return {"InferenceId": inference, "OutputLocation": output, "FailureLocation": failure}


def _body(req: InvokeEndpointAsyncInputTypeDef) -> bytes | None:
    """The request's inline body; None where it is in S3."""
    body: Any = req.get("Body") or None
    if (body is None) == ("InputLocation" not in req):
        raise WireError("ValidationError", "Give either InputLocation or a Body, and not both.")
    if body is None:
        try:
            uris.s3(req.get("InputLocation", ""))
        except Invalid as fault:
            raise WireError("ValidationError", f"InputLocation: {fault.message}") from fault
        return None
    return bytes(body)


async def _config(ctx: Context, name: str) -> Mapping[str, Any]:
    """The AsyncInferenceConfig of an endpoint that answers; `ValidationError` where there is none."""
    row = await ctx[Rows].get(ENDPOINT, ctx.scope, name)
    if row is None:
        raise WireError("ValidationError", f"Endpoint {name} of account {ctx.account} not found in {ctx.region}.")
    live = row.doc["_live"]
    if not live or row.status == "Deleting":
        message = f"Endpoint {name} of account {ctx.account} is {row.status}. Invoke it once it is InService."
        raise WireError("ValidationError", message)
    if not live.get("async"):
        message = (
            f"Endpoint {name} of account {ctx.account} is not an asynchronous endpoint. Use InvokeEndpoint, or make it "
            f"from a configuration with {terms.CONFIG}."
        )
        raise WireError("ValidationError", message)
    return live["async"]
