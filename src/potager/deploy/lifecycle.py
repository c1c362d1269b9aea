"""What an endpoint needs next, decided from what is wanted and what is seen. Pure: no clock, no disk, no database.

    Creating ─► InService ⇄ Updating          Deleting ─► (gone)
        └─► Failed             ├─► InService on the old deployment, with a FailureReason
                               └─► RollingBack ─► InService, or UpdateRollbackFailed: both deployments answer

An endpoint's row holds two deployments: `wanted`, and `live`, which answers now. Each is a list of instances; an
instance is named by what it runs, so an instance that both have is the same process and is left alone. Whatever else
happens, live instances that died are brought back (`hosting.py`). An update with a DeploymentConfig goes by
`traffic/plan.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from potager.deploy import serverless

UNDER_WAY = ("Creating", "Updating", "RollingBack")
"""Statuses of an endpoint that is being brought to a deployment, and takes no other one meanwhile."""


@dataclass(frozen=True, slots=True)
class Place:
    """One instance that a deployment asks for.

    id : of its workload and folder; the same for the same revision, variant and number.
    """

    id: str
    variant: Mapping[str, Any] = field(compare=False, hash=False)

    @property
    def workloads(self) -> list[str]:
        """The ids of its workloads, one for each container (`fleet.py`)."""
        return [f"{self.id}.{number}" if number else self.id for number in range(len(self.variant["containers"]))]


def places(
    endpoint_id: str,
    deployment: Mapping[str, Any] | None,
    counts: Mapping[str, int] | None = None,
    *,
    shadows: bool = True,
) -> list[Place]:
    """The instances of a deployment, variant by variant, shadows last; none of a variant without a model.

    counts : of each production variant, where that is not the deployment's own.
    """
    if deployment is None:
        return []
    return [
        Place(f"{prefix(endpoint_id, deployment, variant)}{number}", variant)
        for variant in (*deployment["variants"], *(deployment.get("shadows", ()) if shadows else ()))
        if variant["containers"]
        for number in range(variant["count"] if counts is None else counts.get(variant["name"], variant["count"]))
    ]


def proof(endpoint_id: str, deployment: Mapping[str, Any], live: Mapping[str, Any] | None) -> list[Place]:
    """The instances that must be up before a deployment is served.

    Beside those that it asks for, one of each serverless variant that does not answer yet: it shows that the model
    loads.
    """
    known = {prefix(endpoint_id, live, variant) for variant in live["variants"]} if live else ()
    first = [
        Place(f"{name}0", variant)
        for variant in deployment["variants"]
        if serverless.config(variant) and not variant["count"]
        if (name := prefix(endpoint_id, deployment, variant)) not in known
    ]
    return places(endpoint_id, deployment) + first


def prefix(endpoint_id: str, deployment: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """What the ids of a variant's instances begin with, before a number."""
    return f"ep-{endpoint_id}-{digest(deployment, variant)}-"


def unwell(place: Place, said: str) -> str:
    """Why an instance did not come up, as AWS tells it, and what it said itself."""
    return (
        f"The primary container for production variant {place.variant['name']} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. {said}"
    ).strip()


def digest(deployment: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Names what a variant runs: its weight and count are no part of it."""
    containers = [[each["image"], each["data"], each["environment"]] for each in variant["containers"]]
    what = [deployment["revision"], variant["name"], containers]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Raise:
    """Bring these instances up."""

    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class Serve:
    """All of the wanted deployment is up: let it answer, and write that it does."""


@dataclass(frozen=True, slots=True)
class Fail:
    """An instance of the wanted deployment did not come up."""

    place: Place


@dataclass(frozen=True, slots=True)
class Remove:
    """Take everything down and forget the endpoint."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing changes hands."""


Action = Raise | Serve | Fail | Remove | Rest


def decide(status: str, wanted: Sequence[Place], ready: Collection[str], failed: Collection[str]) -> Action:
    """The next action for an endpoint.

    Parameters
    ----------
    status : EndpointStatus.
    wanted : the instances of the deployment that is wanted.
    ready : the ids of the instances that answered a ping.
    failed : the ids of those that could not be brought up.
    """
    if status == "Deleting":
        return Remove()
    if status not in ("Creating", "Updating"):
        return Rest()
    missing = [place for place in wanted if place.id not in ready]
    for place in missing:
        if place.id in failed:
            return Fail(place)
    return Raise(missing) if missing else Serve()
