"""The tags of SageMaker's resources: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.kernel import tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid
from potager.kernel.names import Arn
from potager.store.rows import Rows, Tx
from potager.wire.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import AddTagsInputTypeDef, DeleteTagsInputTypeDef, ListTagsInputTypeDef

sagemaker = Service("sagemaker")


@sagemaker.operation
async def add_tags(ctx: Context, req: AddTagsInputTypeDef) -> Mapping[str, Any]:
    """Adds tags to a resource, or sets them anew; answers with all that it has."""
    arn = req["ResourceArn"]
    given = tags.checked(req["Tags"])

    def write(tx: Tx) -> Mapping[str, str]:
        _must_exist(ctx, tx, arn)
        tx.tag(arn, given)
        return tx.tags(arn)

    return {"Tags": _listed(await ctx[Rows].write(write))}


@sagemaker.operation
async def list_tags(ctx: Context, req: ListTagsInputTypeDef) -> Mapping[str, Any]:
    """The tags of a resource, by key; all in one page, for there are at most 50."""
    arn = req["ResourceArn"]

    def read(tx: Tx) -> Mapping[str, str]:
        _must_exist(ctx, tx, arn)
        return tx.tags(arn)

    return {"Tags": _listed(await ctx[Rows].read(read))}


@sagemaker.operation
async def delete_tags(ctx: Context, req: DeleteTagsInputTypeDef) -> Mapping[str, Any]:
    """Takes tags off a resource; keys that it does not have are passed over."""
    arn = req["ResourceArn"]

    def write(tx: Tx) -> None:
        _must_exist(ctx, tx, arn)
        tx.untag(arn, list(req["TagKeys"]))

    await ctx[Rows].write(write)
    return {}


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _must_exist(ctx: Context, tx: Tx, arn: str) -> None:
    if Arn.parse(arn).account != ctx.account or tx.by_arn(arn) is None:
        raise Invalid(f"Could not find resource {arn}. Tags belong to resources that are there.")
