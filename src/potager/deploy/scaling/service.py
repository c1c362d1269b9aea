"""The table of Application Auto Scaling's operations, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.kernel.context import Context
from potager.kernel.errors import Invalid, LimitReached, NotFound, Unserved
from potager.kernel.names import Scope
from potager.store.listing import listing
from potager.store.pages import Page
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import Service

Req = dict[str, Any]
Output = Mapping[str, Any]

TARGET, POLICY, ACTION, ACTIVITY = "scalable-target", "scaling-policy", "scheduled-action", "scaling-activity"
"""Kinds of rows."""
SERVED = "sagemaker"
PAGE = 50
"""Items of an answer that is not told otherwise, as on AWS."""
MOST = 1000
"""More policies and schedules than a target has."""

autoscaling = Service(
    "application-autoscaling",
    {
        NotFound: ("ObjectNotFoundException", "ResourceNotFoundException"),
        LimitReached: ("LimitExceededException", "TooManyTagsException"),
        Invalid: ("ValidationException",),
    },
)


@dataclass(frozen=True, slots=True)
class Named:
    """What names a scalable target: `endpoint/NAME/variant/VARIANT` and a dimension of it."""

    resource: str
    dimension: str

    @property
    def key(self) -> str:
        """The name of its row."""
        return f"{self.resource}|{self.dimension}"

    @property
    def where(self) -> dict[str, str]:
        """What the documents of its policies, schedules and activities have."""
        return {"ResourceId": self.resource, "ScalableDimension": self.dimension}

    @property
    def members(self) -> dict[str, str]:
        return {"ServiceNamespace": SERVED, **self.where}

    @property
    def text(self) -> str:
        return f"service namespace: {SERVED}, resource ID: {self.resource}, scalable dimension: {self.dimension}"

    @classmethod
    def of(cls, req: Mapping[str, Any]) -> Named:
        """The target that a request names; `Unserved` for another service's."""
        if req["ServiceNamespace"] != SERVED:
            raise Unserved(f"Potager scales {SERVED} alone, not {req['ServiceNamespace']}.")
        return cls(req["ResourceId"], req["ScalableDimension"])


def target(tx: Tx, scope: Scope, named: Named) -> Row:
    """A scalable target; `NotFound` in AWS's words."""
    found = tx.get(TARGET, scope, named.key)
    if found is None:
        raise NotFound(f"No scalable target registered for {named.text}")
    return found


def belonging(tx: Tx, kind: str, scope: Scope, named: Named) -> list[Row]:
    """The policies, schedules or activities of a target, oldest first."""
    return tx.page(kind, scope, Page(limit=MOST, where=named.where))[0]


async def described(ctx: Context, kind: str, req: Req) -> tuple[list[Row], str | None]:
    """The page of rows that a Describe request asks for: of a target, of a resource or of all."""
    if req["ServiceNamespace"] != SERVED:
        return [], None
    if req.get("ScalableDimension") and kind != TARGET and not req.get("ResourceId"):
        raise Invalid("A scalable dimension needs a resource ID. Give ResourceId, too.")
    where = {name: req[name] for name in ("ResourceId", "ScalableDimension") if req.get(name)}
    return await listing(
        ctx[Rows], kind, ctx.scope, req, descending=kind == ACTIVITY, order_by="created", limit=PAGE, where=where
    )
