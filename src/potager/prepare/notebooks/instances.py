"""Notebook instances on the wire: Create, Describe, List, Start, Stop, Update, Delete.

An operation writes what is wanted and wakes the runner (`runner.py`); it never does the work itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.kernel import clock, ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Unserved, WireError
from potager.prepare.notebooks import served
from potager.prepare.notebooks.lifecycle import STOPPED
from potager.prepare.notebooks.runner import KIND, NotebookRunner, address
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.store.settling import settled
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateNotebookInstanceInputTypeDef,
        DeleteNotebookInstanceInputTypeDef,
        DescribeNotebookInstanceInputTypeDef,
        ListNotebookInstancesInputTypeDef,
        StartNotebookInstanceInputTypeDef,
        StopNotebookInstanceInputTypeDef,
    )

sagemaker = Service("sagemaker")

MOVING = ("Pending", "Stopping", "Deleting")
"""Statuses that a waiter waits through."""


@sagemaker.operation
@partly(
    "an instance with the machine's network, and none of its own; without lifecycle configurations and repositories"
)
async def create_notebook_instance(ctx: Context, req: CreateNotebookInstanceInputTypeDef) -> Mapping[str, Any]:
    """Makes a notebook instance and starts it. `ValidationException` for a name that is taken."""
    name = req["NotebookInstanceName"]
    arn = ctx.arn(f"notebook-instance/{name.lower()}")
    served.check(req)
    served.check_installed()
    given = tags.checked(req.get("Tags", ()))
    doc = _document(dict(req), arn)

    def write(tx: Tx) -> Row:
        try:
            row = tx.insert(KIND, ctx.scope, name, doc, arn=arn, status="Pending")
        except Exists:
            raise Exists(f"Cannot create a duplicate notebook instance ({arn}). Choose another name.") from None
        tx.tag(arn, given)
        return row

    ctx[NotebookRunner].wake(await ctx[Rows].write(write))
    return {"NotebookInstanceArn": arn}


def _document(req: dict[str, Any], arn: str) -> dict[str, Any]:
    req.pop("Tags", None)
    defaults = {"VolumeSizeInGB": 5, "DirectInternetAccess": "Enabled", "RootAccess": "Disabled"}
    defaults |= {"PlatformIdentifier": "notebook-al2023-v1", "IpAddressType": "ipv4"}
    return defaults | req | {"NotebookInstanceArn": arn, "_folder": ids.short(16)} | _start()


def _start() -> dict[str, Any]:
    """What one start of an instance has of its own: its workload's id, which its credentials name, and its hour."""
    return {"_id": f"nb-{ids.short(16)}", "_asked": clock.now(), "_launched": None, "FailureReason": ""}


@sagemaker.operation
async def describe_notebook_instance(ctx: Context, req: DescribeNotebookInstanceInputTypeDef) -> Mapping[str, Any]:
    """Everything known of one notebook instance."""
    row = await settled(ctx, await find(ctx, req["NotebookInstanceName"]), MOVING)
    return view(ctx, row or await find(ctx, req["NotebookInstanceName"]))


@sagemaker.operation
async def list_notebook_instances(ctx: Context, req: ListNotebookInstancesInputTypeDef) -> Mapping[str, Any]:
    """The notebook instances of this account and region."""
    for member in ("NotebookInstanceLifecycleConfigNameContains", "DefaultCodeRepositoryContains"):
        if member in req:
            raise Unserved(f"{member} is not served: no instance has any. Leave it out.")
    if "AdditionalCodeRepositoryEquals" in req:
        raise Unserved("AdditionalCodeRepositoryEquals is not served: no instance has any. Leave it out.")
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req, order_by="name", descending=False)
    return {"NotebookInstances": [view(ctx, row) for row in rows], "NextToken": token}


@sagemaker.operation
async def start_notebook_instance(ctx: Context, req: StartNotebookInstanceInputTypeDef) -> None:
    """Starts an instance that was stopped, with the notebooks that it had."""
    served.check_installed()
    row = await _change(ctx, req["NotebookInstanceName"], STOPPED, "Pending", _start())
    ctx[NotebookRunner].wake(row)


@sagemaker.operation
async def stop_notebook_instance(ctx: Context, req: StopNotebookInstanceInputTypeDef) -> None:
    """Ends an instance's kernels and JupyterLab; the notebooks stay. One that is still starting can be stopped."""
    ctx[NotebookRunner].wake(await _change(ctx, req["NotebookInstanceName"], ("InService", "Pending"), "Stopping"))


@sagemaker.operation
async def delete_notebook_instance(ctx: Context, req: DeleteNotebookInstanceInputTypeDef) -> None:
    """Removes an instance that was stopped, and its notebooks."""
    ctx[NotebookRunner].wake(await _change(ctx, req["NotebookInstanceName"], STOPPED, "Deleting"))


async def _change(
    ctx: Context, name: str, allowed: tuple[str, ...], status: str, more: Mapping[str, Any] | None = None
) -> Row:
    """An instance's row, its status changed; `ValidationException`, as AWS has it, where that is not allowed now."""
    await find(ctx, name)

    def write(tx: Tx) -> Row:
        row = tx.get(KIND, ctx.scope, name)
        if row is None or row.status not in allowed:
            now = row.status if row else "gone"
            raise WireError(
                "ValidationException",
                f"Status ({now}) not in ({', '.join(allowed)}). Unable to transition to ({status}) for Notebook "
                f"Instance ({ctx.arn(f'notebook-instance/{name.lower()}')}).",
            )
        return tx.update(row, doc=row.doc | dict(more or {}), status=status)

    return await ctx[Rows].write(write)


async def find(ctx: Context, name: str) -> Row:
    """An instance's row; AWS answers `ValidationException` for an absent one."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise WireError("ValidationException", f"RecordNotFound: no notebook instance '{name}' in {ctx.region}.")
    return row


def view(ctx: Context, row: Row) -> dict[str, Any]:
    """An instance as Describe shows it; the wire drops what a shape does not know."""
    shown = {name: value for name, value in row.doc.items() if value not in ("", None)}
    return shown | {
        "NotebookInstanceName": row.name,
        "NotebookInstanceStatus": row.status,
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
        "Url": ctx[NotebookRunner].sessions.url + address(row.name) + "lab",
    }
