"""`kill -9` of the server while a job runs on several hosts: each host runs once, and none outlives the job."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import records
from tests.clients.road import until, wait_for_job
from tests.clients.scripts import Scripts

WAIT = """
    import os, sys, time
    print("ready", flush=True)
    go = os.path.join(os.environ["SM_OUTPUT_DIR"], "go")
    while not os.path.exists(go):
        time.sleep(0.02)
    sys.exit(int(open(go).read() or 0))
"""


def begun(server: Any, scripts: Scripts, name: str, isolated: bool = False) -> list[Path]:
    """The folders of a job's two hosts, once both run."""
    scripts.source("wait", {"train.py": WAIT})
    scripts.begin(
        name,
        {"train.py": WAIT},
        instances=2,
        InputDataConfig=[scripts.road.channel("code", "wait/source/")],
        hyperparameters={"sagemaker_submit_directory": "/opt/ml/input/data/code"},
        EnableNetworkIsolation=isolated,
    )
    job = f"{scripts.road.prefix}-{name}"
    until(lambda: streams(server, job) == {"algo-1": 1, "algo-2": 1}, f"two hosts of {job} being ready")
    (folder,) = (Path(server.data) / "jobs").iterdir()
    return [folder / "algo-1", folder / "algo-2"]


def streams(server: Any, job: str) -> dict[str, int]:
    """How often each host of a job began; the group of their logs is there once the first has."""
    found: dict[str, int] = {}
    logs = server.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TrainingJobs")["logGroups"]:
        return found
    pages = logs.get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/"):
        for event in page["events"]:
            if event["message"] == "ready":
                host = event["logStreamName"].rpartition("/")[2].rpartition("-")[0]
                found[host] = found.get(host, 0) + 1
    return found


def go(folder: Path, code: int = 0) -> None:
    (folder / "ml" / "output" / "go").write_text(str(code))


def shims(folders: list[Path]) -> list[int]:
    """A descriptor for each process that minds a host, which tells when it ends."""
    return [os.pidfd_open(json.loads((folder / "run" / "shim.json").read_text())["pid"]) for folder in folders]


def check_gone(handles: list[int], folder: Path) -> None:
    for handle in handles:
        assert select.select([handle], [], [], 60)[0], "a host outlived its job"
        os.close(handle)
    until(lambda: not folder.exists(), f"{folder} being removed")


@pytest.mark.parametrize("isolated", [False, True], ids=["network", "isolated"])
def test_hosts_that_run_while_the_server_is_killed_are_adopted_and_end_once(fresh_server: Any, isolated: bool) -> None:
    scripts = Scripts(fresh_server)
    folders = begun(fresh_server, scripts, "adopted", isolated)
    handles = shims(folders)
    fresh_server.kill()
    fresh_server.start()
    job = f"{scripts.road.prefix}-adopted"
    for folder in folders:
        go(folder)
    shown = wait_for_job(scripts.road.sagemaker, job)
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert [step["Status"] for step in shown["SecondaryStatusTransitions"]].count("Training") == 1
    assert streams(fresh_server, job) == {"algo-1": 1, "algo-2": 1}
    check_gone(handles, folders[0].parent)


def test_a_host_that_fails_while_no_server_runs_has_the_other_ended_by_the_next(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    folders = begun(fresh_server, scripts, "alone")
    handles = shims(folders)
    fresh_server.kill()
    go(folders[1], code=7)
    until((folders[1] / "run" / "exit.json").exists, "the end of algo-2")
    assert not (folders[0] / "run" / "exit.json").exists()
    fresh_server.start()
    shown = wait_for_job(scripts.road.sagemaker, f"{scripts.road.prefix}-alone")
    assert shown["TrainingJobStatus"] == "Failed"
    assert "ExitCode 7" in shown["FailureReason"]
    assert shown["FailureReason"].endswith('Host "algo-2"')
    check_gone(handles, folders[0].parent)


def test_a_host_that_is_lost_fails_the_job_and_the_other_is_ended(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    folders = begun(fresh_server, scripts, "lost")
    handles = shims(folders)
    minder = records.shim(folders[0] / "run")
    assert minder is not None
    os.kill(minder.pid, 9)
    shown = wait_for_job(scripts.road.sagemaker, f"{scripts.road.prefix}-lost")
    assert shown["TrainingJobStatus"] == "Failed"
    assert "were lost" in shown["FailureReason"]
    check_gone(handles, folders[0].parent)


@pytest.mark.parametrize("moment", range(4))
def test_a_server_killed_soon_after_create_still_runs_each_host_once(fresh_server: Any, moment: int) -> None:
    scripts = Scripts(fresh_server)
    job = scripts.begin("early", {"train.py": "print('ready')"}, instances=3)
    for _ in range(moment * 3):
        scripts.road.sagemaker.describe_training_job(TrainingJobName=job)
    fresh_server.kill()
    fresh_server.start()
    shown = wait_for_job(scripts.road.sagemaker, job)
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert streams(fresh_server, job) == {"algo-1": 1, "algo-2": 1, "algo-3": 1}
