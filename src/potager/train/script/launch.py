"""Makes a job's workload run the user's program: its source in place, its command, and all that it is told."""

from __future__ import annotations

import asyncio
import glob
import os
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
from potager.train.script import distribution, program, requirements, source, variables
from potager.train.script.program import Program
from potager.train.script.variables import Machine


async def prepare(objects: Objects, doc: Mapping[str, Any], ml: Path) -> None:
    """Lays the program's source out; `BadSource` where it cannot be, or where its requirements are not met."""
    chosen = program.of(doc)
    await source.lay_out(objects, chosen, ml)
    if chosen.python:
        missing = await asyncio.to_thread(requirements.unmet, ml / "code" / "requirements.txt")
        if missing:
            raise source.BadSource(requirements.advice(missing))


def started(doc: Mapping[str, Any], cluster: Cluster, host: str) -> Program:
    """The program as a host starts it."""
    return distribution.started(program.of(doc), doc, cluster, host, _machine().gpus)


def dressed(
    workload: Workload, row: Row, kind: str, image: Image, sessions: Sessions, cluster: Cluster, host: str
) -> Workload:
    """The workload with the program's command, environment and credentials.

    Parameters
    ----------
    workload : as for any job.
    kind : the row's.
    """
    chosen = started(row.doc, cluster, host)
    network = not row.doc["EnableNetworkIsolation"]
    environment = dict(workload.environment)
    secrets: dict[str, str] = {}
    if network:
        session = Session(kind, row.account, row.region, row.name, row.doc["_id"])
        environment, secrets = sessions.inside(session, environment)
    return replace(
        workload,
        entry="",
        argv=chosen.argv,
        environment=environment | _told(row.doc, cluster, host, chosen, image, environment),
        secrets=secrets,
        network=network,
        preface=(*workload.preface, *preface(row.doc, chosen, image, workload.ml)),
    )


def _told(
    doc: Mapping[str, Any], cluster: Cluster, host: str, chosen: Program, image: Image, environment: Mapping[str, str]
) -> dict[str, str]:
    machine, meeting = _machine(), distribution.meeting(doc, cluster, host)
    if chosen.script is None:
        return meeting | {"SM_NUM_CPUS": str(machine.cpus), "SM_NUM_GPUS": str(machine.gpus)}
    told = meeting | variables.of(doc, cluster, host, chosen.script, machine, image.framework_module)
    given = environment.get("PYTHONPATH")
    return told | ({"PYTHONPATH": f"{told['PYTHONPATH']}:{given}"} if given else {})


def preface(doc: Mapping[str, Any], chosen: Program, image: Image, ml: Path) -> tuple[str, ...]:
    """The first lines of the log: what is really used, whatever version was asked for, and the command."""
    lines = [f"Potager runs {doc['AlgorithmSpecification']['TrainingImage']} as {image.used()}"]
    if chosen.python and (ml / "code" / "requirements.txt").is_file():
        lines.append("requirements.txt: everything that it asks for is installed already")
    return (*lines, "Invoking script with the following command:", "", chosen.command)


def _machine() -> Machine:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cpus, len(glob.glob("/dev/nvidia[0-9]*")))
