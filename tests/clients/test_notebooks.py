"""Notebook instances by boto3: JupyterLab as a workload, whose folder stays."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from potager.prepare.notebooks.runner import opened
from tests.clients.road import ROLE, until
from tests.faults.test_kill import shim
from tests.needs import needed

needed("notebooks", "jupyterlab", "ipykernel")

WAIT = {"Delay": 1, "MaxAttempts": 120}


def create(sagemaker: Any, name: str, **more: Any) -> str:
    made = sagemaker.create_notebook_instance(
        NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=ROLE, **more
    )
    return made["NotebookInstanceArn"]


def wait(sagemaker: Any, name: str, what: str = "in_service") -> None:
    sagemaker.get_waiter(f"notebook_instance_{what}").wait(NotebookInstanceName=name, WaiterConfig=WAIT)


def home(server: Any) -> Path:
    """The folder of the one workload that runs."""
    (found,) = (Path(server.data) / "jobs").glob("nb-*")
    return found


def asked(server: Any, path: str) -> bytes:
    """What JupyterLab answers, asked as Studio asks it."""
    with opened(home(server) / "ml") as sock:
        sock.setblocking(True)
        sock.sendall(f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
        said = b""
        while data := sock.recv(2**16):
            said += data
    return said


@pytest.fixture
def sagemaker(fresh_server: Any) -> Any:
    return fresh_server.client("sagemaker")


def test_an_instance_is_made_stopped_started_with_its_notebooks_and_deleted(fresh_server: Any, sagemaker: Any) -> None:
    arn = create(sagemaker, "lab", Tags=[{"Key": "team", "Value": "claims"}])
    assert arn.endswith(":notebook-instance/lab")
    wait(sagemaker, "lab")
    told = sagemaker.describe_notebook_instance(NotebookInstanceName="lab")
    assert told["NotebookInstanceStatus"] == "InService"
    assert told["Url"] == f"{fresh_server.url}/_studio/notebooks/lab/jupyter/lab"
    assert told["InstanceType"] == "ml.t3.medium"
    assert told["RoleArn"] == ROLE
    assert "FailureReason" not in told
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "claims"}]
    assert b" 200 " in asked(fresh_server, "/_studio/notebooks/lab/jupyter/api")
    assert not _ports(home(fresh_server))
    (kept,) = (Path(fresh_server.data) / "notebooks").iterdir()
    (kept / "mine.txt").write_text("still here")

    first = home(fresh_server)
    sagemaker.stop_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab", "stopped")
    until(lambda: not first.exists(), "the end of the workload's folder")
    sagemaker.start_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab")
    assert home(fresh_server) != first
    assert b"still here" in asked(fresh_server, "/_studio/notebooks/lab/jupyter/api/contents/mine.txt")
    assert [one["NotebookInstanceName"] for one in sagemaker.list_notebook_instances()["NotebookInstances"]] == ["lab"]

    sagemaker.stop_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab", "stopped")
    sagemaker.delete_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab", "deleted")
    assert sagemaker.list_notebook_instances()["NotebookInstances"] == []
    assert not kept.exists()


def _ports(folder: Path) -> list[str]:
    """What the workload's processes listen at by TCP: none of their sockets may be in the table of those."""
    from potager.compute.process import limits, records

    minder = records.shim(folder / "run")
    assert minder is not None
    inodes = set()
    for pid in limits.descendants(minder.pid):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(handle))
            except OSError:
                continue
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return [line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("SubnetId", "subnet-1"),
        ("LifecycleConfigName", "setup"),
        ("DefaultCodeRepository", "https://example.com/a.git"),
        ("DirectInternetAccess", "Disabled"),
        ("RootAccess", "Enabled"),
    ],
)
def test_what_is_not_served_is_refused_by_name(server: Any, member: str, value: str) -> None:
    with pytest.raises(ClientError, match=member) as refused:
        create(server.client("sagemaker"), "refused", **{member: value})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_instance_changes_only_from_the_statuses_that_allow_it(sagemaker: Any) -> None:
    for change in ("describe", "start", "stop", "delete"):
        with pytest.raises(ClientError, match="RecordNotFound") as absent:
            getattr(sagemaker, f"{change}_notebook_instance")(NotebookInstanceName="lab")
        assert absent.value.response["Error"]["Code"] == "ValidationException"
    create(sagemaker, "lab")
    with pytest.raises(ClientError, match="duplicate"):
        create(sagemaker, "lab")
    for change in ("start", "delete"):
        with pytest.raises(ClientError, match=r"not in \(Stopped, Failed\)"):
            getattr(sagemaker, f"{change}_notebook_instance")(NotebookInstanceName="lab")
    sagemaker.stop_notebook_instance(NotebookInstanceName="lab")  # be it still starting
    wait(sagemaker, "lab", "stopped")
    with pytest.raises(ClientError, match=r"not in \(InService, Pending\)"):
        sagemaker.stop_notebook_instance(NotebookInstanceName="lab")


def test_a_server_that_is_killed_finds_its_instance_again(fresh_server: Any, sagemaker: Any) -> None:
    create(sagemaker, "lab")
    wait(sagemaker, "lab")
    before = shim(home(fresh_server))
    fresh_server.kill()
    fresh_server.start()
    assert shim(home(fresh_server)) == before
    sagemaker = fresh_server.client("sagemaker")
    wait(sagemaker, "lab")
    assert b" 200 " in asked(fresh_server, "/_studio/notebooks/lab/jupyter/api")
    sagemaker.stop_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab", "stopped")


def test_an_instance_whose_programs_are_killed_has_failed_and_starts_again(fresh_server: Any, sagemaker: Any) -> None:
    create(sagemaker, "lab")
    wait(sagemaker, "lab")
    os.kill(shim(home(fresh_server)), signal.SIGKILL)

    def failed() -> Any:
        told = sagemaker.describe_notebook_instance(NotebookInstanceName="lab")
        return told if told["NotebookInstanceStatus"] == "Failed" else None

    assert "lost" in until(failed, "the failure")["FailureReason"]
    sagemaker.start_notebook_instance(NotebookInstanceName="lab")
    wait(sagemaker, "lab")
