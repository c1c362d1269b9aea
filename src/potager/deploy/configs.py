"""Endpoint configurations on the wire: Create, Describe, List, Delete. Data only; an endpoint copies what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from potager.deploy import containers, models, serverless
from potager.deploy.asynchronous import terms as asynchronous
from potager.deploy.capture import terms
from potager.deploy.components import endpoints as components
from potager.kernel import tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid, LimitReached, Unserved
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateEndpointConfigInputTypeDef,
        DeleteEndpointConfigInputTypeDef,
        DescribeEndpointConfigInputTypeDef,
        ListEndpointConfigsInputTypeDef,
    )

sagemaker = Service("sagemaker")

KIND = "endpoint-config"

MOST_INSTANCES = 100
"""Instances of one variant; each is a worker process of some 10 MB and its model."""

VARIANTS = ("ProductionVariants", "ShadowProductionVariants")

UNSERVED = ("ExplainerConfig",)


@sagemaker.operation
@partly("no ExplainerConfig")
async def create_endpoint_config(ctx: Context, req: CreateEndpointConfigInputTypeDef) -> Mapping[str, Any]:
    """Writes down which models an endpoint shall serve, on what, with which share of the traffic."""
    name = req["EndpointConfigName"]
    arn = ctx.arn(f"endpoint-config/{name}")
    _check(dict(req))
    for variant in (*req["ProductionVariants"], *req.get("ShadowProductionVariants", ())):
        named = variant.get("ModelName")
        if not named:
            continue
        model = (await models.find(ctx, named)).doc
        if variant.get(serverless.CONFIG):
            isolated = req.get("EnableNetworkIsolation", False)
            serverless.check_model(variant["VariantName"], model, containers.of(model), isolated)
    doc = {key: value for key, value in req.items() if key != "Tags"} | {
        "EndpointConfigArn": arn,
        "EnableNetworkIsolation": req.get("EnableNetworkIsolation", False),
        **{key: [_defaults(dict(each)) for each in req.get(key, ())] for key in VARIANTS if key in req},
    }
    given = tags.checked(req.get("Tags", ()))

    def write(tx: Tx) -> None:
        try:
            tx.insert(KIND, ctx.scope, name, doc, arn=arn)
        except Exists:
            raise Invalid(f'Cannot create already existing endpoint configuration "{arn}".') from None
        tx.tag(arn, given)

    await ctx[Rows].write(write)
    return {"EndpointConfigArn": arn}


def _check(req: Mapping[str, Any]) -> None:
    serverless.check(req, req["ProductionVariants"])
    asynchronous.check(req)
    for member in UNSERVED:
        if req.get(member):
            raise Unserved(f"{member} is not served yet. Leave it out.")
    if capture := req.get("DataCaptureConfig"):
        terms.read(capture)
    variants = [_defaults(dict(each)) for key in VARIANTS for each in req.get(key, ())]
    check_shadow(req)
    check_names([variant["VariantName"] for variant in variants])
    components.check(req)
    check_shares(
        [(each["VariantName"], each["InitialVariantWeight"], each.get("InitialInstanceCount")) for each in variants]
    )


def check_shadow(req: Mapping[str, Any]) -> None:
    """`Invalid` for a shadow beside more than one production variant, or beside another shadow: AWS takes neither."""
    if not (shadows := req.get("ShadowProductionVariants")):
        return
    if (given := (len(req["ProductionVariants"]), len(shadows))) != (1, 1):
        raise Invalid(
            "ShadowProductionVariants goes with one production variant and one shadow variant; "
            f"{given[0]} and {given[1]} are given. Leave the others out."
        )
    for variant in (*req["ProductionVariants"], *shadows):
        if variant.get("ServerlessConfig"):
            raise Invalid(f"Variant '{variant['VariantName']}' is serverless, which goes with no shadow variant.")


def check_names(names: Sequence[str]) -> None:
    """`Invalid` for a variant that is named twice."""
    for name in names:
        if names.count(name) > 1:
            raise Invalid(f"Two variants are named '{name}'. Give each its own name.")


def check_shares(shares: Sequence[tuple[str, float, int | None]], *, least: int = 1) -> None:
    """Holds the name, weight and count of each variant against what can be: some traffic, some instances.

    The count of a serverless variant is None. `least` is 0 where requests can wait for instances.
    """
    if not any(weight > 0 for _, weight, _ in shares):
        raise Invalid("No production variant has a weight above 0, so none would get traffic. Give one a weight.")
    for name, _, count in shares:
        if count is None:
            continue
        if count < least:
            raise Invalid(f"Variant '{name}' has an instance count of {count}. It needs {least} at least.")
        if count > MOST_INSTANCES:
            text = f"Variant '{name}' asks for {count} instances; at most {MOST_INSTANCES} are given. Request fewer."
            raise LimitReached(text)


def _defaults(variant: dict[str, Any]) -> dict[str, Any]:
    counted: Mapping[str, Any] = {} if variant.get(serverless.CONFIG) else {"InitialInstanceCount": 1}
    return {"InitialVariantWeight": 1.0, **counted, **variant}


@sagemaker.operation
async def describe_endpoint_config(ctx: Context, req: DescribeEndpointConfigInputTypeDef) -> Mapping[str, Any]:
    """Everything known of one endpoint configuration."""
    return view(await find(ctx, req["EndpointConfigName"]))


@sagemaker.operation
async def list_endpoint_configs(ctx: Context, req: ListEndpointConfigsInputTypeDef) -> Mapping[str, Any]:
    """The configurations of this account and region, newest first unless asked otherwise."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req)
    return {"EndpointConfigs": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
async def delete_endpoint_config(ctx: Context, req: DeleteEndpointConfigInputTypeDef) -> None:
    """Forgets a configuration, even one that an endpoint was made from: SDK v2 deletes it before the endpoint."""
    row = await find(ctx, req["EndpointConfigName"])
    await ctx[Rows].write(lambda tx: tx.delete(row))


async def find(ctx: Context, name: str) -> Row:
    """A configuration's row, or the text that clients match."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise Invalid(f'Could not find endpoint configuration "{ctx.arn(f"endpoint-config/{name}")}".')
    return row


def view(row: Row) -> dict[str, Any]:
    """A configuration as Describe shows it."""
    return row.doc | {"CreationTime": row.created}
