"""How an instance is brought up: which workload each of its containers is, where its log goes, what keeps its models.

Place, of a row's deployment ─► Raiser ─► Fleet: one workload for each container
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potager.compute.allotment import Ask
from potager.compute.channel import Channel
from potager.compute.workload import Workload
from potager.deploy import fleet, layout, router
from potager.deploy.fleet import GRACE, Fleet, Wake
from potager.deploy.lifecycle import Place
from potager.deploy.many import place as models
from potager.deploy.many.shelf import FOLDER, Note, Shelf
from potager.kernel import clock
from potager.kernel.names import arn
from potager.store.logs import Logs
from potager.store.objects import Objects
from potager.store.rows import Row


class Raiser:
    """Brings up the instances of rows of one kind.

    Parameters
    ----------
    told : what such a row is called: "endpoint".
    group : what the names of its log groups begin with; the row's name follows.
    """

    def __init__(self, fleet: Fleet, objects: Objects, logs: Logs, data: Path, told: str, group: str) -> None:
        self.tally: Callable[[Row, str], Note] = lambda row, variant: lambda name, value: None
        """What counts the models of a row's variant."""
        self.want: Callable[[str, Sequence[str]], Awaitable[None]] | None = None
        """What keeps libraries imported for a row, by its id, if anything does."""
        self._fleet = fleet
        self._objects = objects
        self._logs = logs
        self._data = data
        self._told = told
        self._group = group

    def raise_(self, row: Row, place: Place, wake: Wake) -> None:
        """Has the fleet bring it up, unless it is."""
        ask = Ask(place.id, f"{self._told} {row.name}", (place.variant["instance"],), clock.now(), "server")
        containers = [self._container(row, place, number) for number in range(len(place.workloads))]
        self._fleet.raise_(ask, containers, wake, serial=place.variant["serial"])

    def _container(self, row: Row, place: Place, number: int) -> fleet.Container:
        spec, group = place.variant["containers"][number], self._group + row.name
        where = router.Place(
            container=spec["name"] if len(place.workloads) > 1 else "primary",
            account=row.account,
            group=group,
            stream_arn=arn("logs", row.scope, f"log-group:{group}:log-stream:{_stream(place, number)}"),
        )
        log = self._logs.path(row.scope, group, _stream(place, number))
        shelf = partial(self._shelf, row, place, spec["many"]) if spec.get("many") else None
        return fleet.Container(partial(self._lay_out, row, place, number), where, log, shelf, _start_timeout(place))

    def _shelf(
        self, row: Row, place: Place, many: Mapping[str, Any], folder: Path, channel: Channel, memory: int, kill: Wake
    ) -> Shelf:
        """What keeps the models of a multi-model container."""
        return Shelf(
            folder / "ml",
            partial(models.fetch, self._objects, many["prefix"]),
            channel.control,
            memory,
            cached=many["cached"],
            kill=kill,
            note=self.tally(row, place.variant["name"]),
        )

    async def _lay_out(self, row: Row, place: Place, number: int, folder: Path) -> Workload:
        """Lays a container's model and its script out in its folder."""
        container = place.variant["containers"][number]
        isolated = {"isolated": place.variant["isolated"]}
        within = place.variant.get("spec", {}).get("ModelDataDownloadTimeoutInSeconds")
        served = await layout.lay_out(self._objects, container | isolated, folder / "ml", within)
        if self.want is not None:
            await self.want(row.doc["_id"], served.libraries)
        return Workload(
            id=place.workloads[number],
            folder=folder,
            kind="server",
            entry=served.entry,
            environment={
                "AWS_REGION": row.region,
                "AWS_DEFAULT_REGION": row.region,
                **container["environment"],
                **served.environment,
                **_patience(served, place),
            },
            log=self._logs.path(row.scope, self._group + row.name, _stream(place, number)),
            time_limit=None,
            grace=GRACE,
            network=served.network,
            read_only=[folder / "ml" / "model", *([folder / "ml" / FOLDER] if container.get("many") else [])],
            hidden=(self._data,),
            requirements=served.requirements,
            warm=served.libraries,
        )


def _stream(place: Place, number: int) -> str:
    """The log stream of one container; where there are several, it has the container's name at its end, as on AWS."""
    more = f"/{place.variant['containers'][number]['name']}" if len(place.workloads) > 1 else ""
    return f"{place.variant['name']}/i-{place.id[3:]}{more}"


def _start_timeout(place: Place) -> float:
    spec: Mapping[str, Any] = place.variant.get("spec", {})
    return float(spec.get("ContainerStartupHealthCheckTimeoutInSeconds", fleet.START_TIMEOUT))


def _patience(served: layout.Served, place: Place) -> dict[str, str]:
    """Tells a program that is a server itself how long it has: a little less, so that it can still say why."""
    return {layout.PATIENCE: f"{_start_timeout(place) - 5:g}"} if layout.PROGRAM in served.environment else {}
