"""Models on the wire: Create, Describe, List, Delete. A model names an image and an artifact; nothing runs yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.compute import catalog
from potager.deploy import artifact, containers
from potager.kernel import tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid
from potager.store.listing import listing
from potager.store.objects import Objects
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateModelInputTypeDef,
        DeleteModelInputTypeDef,
        DescribeModelInputTypeDef,
        ListModelsInputTypeDef,
    )

sagemaker = Service("sagemaker")

KIND = "model"


@sagemaker.operation
@partly("images of Potager's; no model packages")
async def create_model(ctx: Context, req: CreateModelInputTypeDef) -> Mapping[str, Any]:
    """Registers a model. `ValidationException` for a taken name, an image or an artifact that is not there."""
    name = req["ModelName"]
    arn = ctx.arn(f"model/{name}")
    containers.check(req)
    for container in containers.of(req):
        await check(ctx[Objects], container)
    doc = {key: value for key, value in req.items() if key != "Tags"} | {
        "ModelArn": arn,
        "EnableNetworkIsolation": req.get("EnableNetworkIsolation", False),
    }
    given = tags.checked(req.get("Tags", ()))

    def write(tx: Tx) -> None:
        try:
            tx.insert(KIND, ctx.scope, name, doc, arn=arn)
        except Exists:
            raise Invalid(f'Cannot create already existing model "{arn}".') from None
        tx.tag(arn, given)

    await ctx[Rows].write(write)
    return {"ModelArn": arn}


async def check(objects: Objects, container: Mapping[str, Any]) -> None:
    """`Invalid` for a container whose image or data is not there; models of a multi-model one may come later."""
    image = catalog.find(container["Image"])
    if image is None:
        raise Invalid(f"Requested image {container['Image']} not found. {catalog.unknown(container['Image'])}")
    if image.processor:
        raise Invalid(f"The image {image.repository} serves no model: it looks at tables, in processing jobs.")
    if not containers.many(container):
        await artifact.check(objects, artifact.data(container))


@sagemaker.operation
async def describe_model(ctx: Context, req: DescribeModelInputTypeDef) -> Mapping[str, Any]:
    """Everything known of one model."""
    return view(await find(ctx, req["ModelName"]))


@sagemaker.operation
async def list_models(ctx: Context, req: ListModelsInputTypeDef) -> Mapping[str, Any]:
    """The models of this account and region, newest first unless asked otherwise."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req)
    return {"Models": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
async def delete_model(ctx: Context, req: DeleteModelInputTypeDef) -> None:
    """Forgets a model. Its artifact stays, and endpoints that serve it go on: they keep what they were made from."""
    row = await find(ctx, req["ModelName"])
    await ctx[Rows].write(lambda tx: tx.delete(row))


async def find(ctx: Context, name: str) -> Row:
    """A model's row, or the text that clients match."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise Invalid(f'Could not find model "{ctx.arn(f"model/{name}")}".')
    return row


def view(row: Row) -> dict[str, Any]:
    """A model as Describe shows it."""
    return row.doc | {"CreationTime": row.created}
