"""Makes a job's workload run the user's program: its source in place, its command, and all that it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from potager.compute.catalog import Image
from potager.compute.workload import Workload
from potager.kernel.sessions import Session, Sessions
from potager.store.objects import Objects
from potager.store.rows import Row
from potager.train.cluster import Cluster
from potager.train.script import distribution, program, source, variables
from potager.train.script.program import Program
from potager.train.script.variables import Machine


async def prepare(objects: Objects, doc: Mapping[str, Any], ml: Path) -> None:
    """Lays the program's source out; `BadSource` where it cannot be."""
    await asyncio.to_thread(source.own, ml)
    await source.lay_out(objects, program.of(doc), ml)


def started(doc: Mapping[str, Any], cluster: Cluster, host: str, ml: Path, gpus: int) -> Program:
    """The program as a host with so many GPUs starts it, which has its source: one of a package as a module."""
    chosen = program.of(doc)
    if (ml / "code" / "setup.py").is_file():
        chosen = chosen.module
    return distribution.started(chosen, doc, cluster, host, gpus)


def dressed(
    workload: Workload, row: Row, kind: str, image: Image, sessions: Sessions, cluster: Cluster, host: str
) -> Workload:
    """The workload with the program's command, environment and credentials.

    Parameters
    ----------
    workload : as for any job, bound to its share of the machine.
    kind : the row's.
    """
    machine = Machine(workload.cpus or 1, len(workload.gpus or ()))
    chosen = started(row.doc, cluster, host, workload.ml, machine.gpus)
    network = not row.doc["EnableNetworkIsolation"]
    environment = dict(workload.environment)
    secrets: dict[str, str] = {}
    if network:
        session = Session(kind, row.account, row.region, row.name, row.doc["_id"])
        environment, secrets = sessions.inside(session, environment)
    return replace(
        workload,
        entry="",
        read_only=[path for path in workload.read_only if path != workload.ml / "input"],
        writable=source.programs(workload.ml),
        argv=chosen.argv,
        environment=environment | _told(row.doc, cluster, host, chosen, image, machine, environment),
        secrets=secrets,
        network=network,
        preface=(
            *workload.preface,
            _used(row.doc, image),
        ),
        announcement=("Invoking script with the following command:", "", chosen.command),
        requirements=workload.ml / "code" / "requirements.txt" if chosen.python else None,
        package=workload.ml / "code" if chosen.package else None,
    )


def _told(
    doc: Mapping[str, Any],
    cluster: Cluster,
    host: str,
    chosen: Program,
    image: Image,
    machine: Machine,
    environment: Mapping[str, str],
) -> dict[str, str]:
    meeting = distribution.meeting(doc, cluster, host)
    if chosen.script is None:
        return meeting | {"SM_NUM_CPUS": str(machine.cpus), "SM_NUM_GPUS": str(machine.gpus)}
    told = meeting | variables.of(doc, cluster, host, chosen.script, machine, image.framework_module)
    given = environment.get("PYTHONPATH")
    return told | ({"PYTHONPATH": f"{told['PYTHONPATH']}:{given}"} if given else {})


def _used(doc: Mapping[str, Any], image: Image) -> str:
    """What is really used, whatever version was asked for."""
    return f"Potager runs {doc['AlgorithmSpecification']['TrainingImage']} as {image.used()}"
