"""A job that runs away hurts itself only: it fails with a reason, the server answers, and a job beside it ends well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import potager
from tests.clients.road import until, wait_for_job
from tests.clients.scripts import Scripts

FORK = """
    import os, time
    while True:
        try:
            if os.fork() == 0:
                time.sleep(1000)
        except OSError:
            time.sleep(0.01)
"""
EAT = """
    held = []
    while True:
        held.append(bytearray(b"x" * (4 << 20)))
"""
FILL = """
    import os, time
    with open("/opt/ml/model/filled", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1200 << 20)
        time.sleep(1000)
"""
FLOOD = """
    import sys
    while True:
        sys.stdout.write("a line of nothing much\\n" * 1000)
"""


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    """Scripts on a server whose bounds are narrow."""
    with potager.local(cpus=8, memory="3GiB", job_processes=64, job_log="1MiB") as server:
        yield Scripts(server)


def begin(scripts: Scripts, name: str, source: str) -> str:
    resources = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return scripts.begin(name, {"train.py": source}, resources=resources)


@pytest.fixture(scope="module")
def runaways(scripts: Scripts) -> dict[str, dict[str, Any]]:
    """How each of them ended; one after the other, for the machine's sake, and each beside a good job."""
    ended: dict[str, dict[str, Any]] = {}
    for name, source in (("fork", FORK), ("eat", EAT), ("fill", FILL), ("flood", FLOOD)):
        job, good = begin(scripts, name, source), begin(scripts, f"{name}-beside", "print('well')")
        ended[f"{name}-beside"] = wait_for_job(scripts.road.sagemaker, good)
        ended[name] = wait_for_job(scripts.road.sagemaker, job)
    return ended


@pytest.mark.parametrize(
    ("name", "bound", "remedy"),
    [
        ("fork", "it started more than 64 processes and threads", "raise the server's setting job_processes"),
        ("eat", "ran out of memory: it was given", "Use a larger instance type"),
        ("fill", "it wrote more than its volume of 1.0 GiB holds", "Raise VolumeSizeInGB"),
        ("flood", "it flooded its log, of which 1.0 MiB are kept", "raise the server's setting job_log"),
    ],
)
def test_a_runaway_job_fails_with_the_bound_and_the_remedy(
    scripts: Scripts, runaways: dict[str, dict[str, Any]], name: str, bound: str, remedy: str
) -> None:
    job = runaways[name]
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: The program ")
    assert bound in job["FailureReason"]
    assert remedy in job["FailureReason"]
    beside = runaways[f"{name}-beside"]
    assert beside["TrainingJobStatus"] == "Completed", beside.get("FailureReason")
    assert "well" in scripts.lines(beside)
    assert scripts.lines(job)[-1] == "Potager: " + job["FailureReason"].removeprefix("ClientError: ")


def test_a_flooded_log_can_be_read_and_says_what_it_lacks(
    scripts: Scripts, runaways: dict[str, dict[str, Any]]
) -> None:
    lines = scripts.lines(runaways["flood"])
    assert any(line.startswith("Potager dropped ") and " lines here: " in line for line in lines)
    logs = list((scripts.server.data / "logs").rglob("*flood*"))
    assert sum(path.stat().st_size for path in logs if path.is_file()) < 2 << 20


def test_nothing_of_them_is_left(scripts: Scripts, runaways: dict[str, dict[str, Any]]) -> None:
    assert len(runaways) == 8
    until(lambda: not list((scripts.server.data / "jobs").glob("job-*")), "the end of every job's folder")
    until(lambda: not list((scripts.server.data / "shares").iterdir()), "the return of every share")
