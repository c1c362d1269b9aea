"""Who answers an invocation that names an inference component: a copy of it, with the fewest requests under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from potager.deploy.components.room import KIND
from potager.deploy.router import NoInstance, Route, Variant, Watcher
from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.store.metrics import Metrics
from potager.store.rows import Row, Rows

if TYPE_CHECKING:
    from potager.deploy.components.hosting import ComponentHost

REQUIRED = (
    "Inference Component Name header is required for endpoints to which you plan to deploy inference components. "
    "Please include Inference Component Name header or consider using SageMaker models."
)
NOT_ALLOWED = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)
NO_COPIES = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
"""As AWS says them."""


class ComponentRoute(Route):
    """A component's copies.

    endpoint : the name of the endpoint that it is on.
    wanted : how many copies there are to be.
    """

    def __init__(self, variants: Sequence[Variant], watchers: Sequence[Watcher], *, endpoint: str, wanted: int) -> None:
        super().__init__(variants, watchers)
        self.endpoint = endpoint
        self.wanted = wanted


async def route(ctx: Context, host: ComponentHost, endpoint: str, name: str) -> Route:
    """The route of a component, or why there is none."""
    found = host.router.get((ctx.account, ctx.region, name))
    if not isinstance(found, ComponentRoute) or found.endpoint != endpoint:
        raise await _absent(ctx, endpoint, name)
    if not found.wanted:
        by = {"InferenceComponentName": name}
        ctx[Metrics].add(ctx.scope, "AWS/SageMaker", "NoCapacityInvocationFailures", by, 1.0, "Count")
        raise WireError("ValidationError", NO_COPIES)
    return found


async def _absent(ctx: Context, endpoint: str, name: str) -> WireError:
    """The reason why a component has no route."""

    def read(tx: Any) -> tuple[Row | None, Row | None]:
        return tx.get("endpoint", ctx.scope, endpoint), tx.get(KIND, ctx.scope, name)

    there, row = await ctx[Rows].read(read)
    if there is None:
        return WireError("ValidationError", f"Endpoint {endpoint} of account {ctx.account} not found in {ctx.region}.")
    if any(each["containers"] for each in there.doc["_wanted"]["variants"]):
        return WireError("ValidationError", NOT_ALLOWED)
    if row is None or row.doc["EndpointName"] != endpoint:
        text = f"Inference Component {name} of account {ctx.account} not found on endpoint {endpoint} in {ctx.region}."
        return WireError("ValidationError", text)
    if row.status in ("InService", "Updating") and row.doc["_live"]:
        return NoInstance(f"Inference Component {name} is coming back up. Try again in a moment.")
    return WireError("ValidationError", _unready(ctx, row))


def _unready(ctx: Context, row: Row) -> str:
    doc: Mapping[str, Any] = row.doc
    reason = f" ({doc['FailureReason']})" if "FailureReason" in doc else ""
    return (
        f"Inference Component {row.name} of account {ctx.account} is {row.status}{reason}. Invoke it once it is "
        "InService."
    )
