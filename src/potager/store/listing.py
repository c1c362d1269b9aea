"""One function for every List operation: AWS's filters, order and tokens in, a page of rows out.

Some 90 operations of SageMaker take MaxResults and NextToken; most SortBy, SortOrder, NameContains, CreationTimeAfter
and CreationTimeBefore, many LastModifiedTimeAfter/Before and StatusEquals.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store.pages import Order, Page
from potager.store.rows import Row, Rows

DEFAULT_LIMIT = 10
"""Rows of a page when MaxResults is not given, as SageMaker has it."""

ORDERS: dict[str, Order] = {
    "Name": "name",
    "CreationTime": "created",
    "LastModifiedTime": "modified",
    "Status": "status",
}
"""Columns by SortBy."""


async def listing(
    rows: Rows,
    kind: str,
    scope: Scope,
    req: Mapping[str, Any],
    *,
    descending: bool = True,
    order_by: Order = "created",
    limit: int = DEFAULT_LIMIT,
    where: Mapping[str, str | int | bool] | None = None,
) -> tuple[list[Row], str | None]:
    """The page that a List request asks for, and the next one's token or None.

    Parameters
    ----------
    req : the validated request; members that it lacks mean no filter.
    descending, order_by, limit : where SortOrder, SortBy and MaxResults are not given.
    where : further members of the document and the values that they must have.
    """
    page = Page(
        limit=req.get("MaxResults", limit),
        order_by=_order(req.get("SortBy"), order_by),
        descending=_descending(req.get("SortOrder"), descending),
        name_contains=req.get("NameContains"),
        created_after=_seconds(req.get("CreationTimeAfter")),
        created_before=_seconds(req.get("CreationTimeBefore")),
        modified_after=_seconds(req.get("LastModifiedTimeAfter")),
        modified_before=_seconds(req.get("LastModifiedTimeBefore")),
        status=req.get("StatusEquals"),
        where=where or {},
        token=req.get("NextToken"),
    )
    return await rows.read(lambda tx: tx.page(kind, scope, page))


def _order(given: str | None, default: Order) -> Order:
    if given is None:
        return default
    if given not in ORDERS:
        raise Invalid(f"SortBy {given} is not served yet. Use one of {', '.join(ORDERS)}.")
    return ORDERS[given]


def _descending(given: str | None, default: bool) -> bool:
    return default if given is None else given == "Descending"


def _seconds(given: datetime | float | None) -> float | None:
    return given.timestamp() if isinstance(given, datetime) else given
