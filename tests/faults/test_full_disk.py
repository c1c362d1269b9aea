"""A data folder on a small disk that a job fills faster than anybody looks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import potager
from tests.clients.road import wait_for_job
from tests.clients.scripts import Scripts


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk takes the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_job_that_fills_the_disk_fails_and_gives_it_back(small: Path) -> None:
    with potager.local(data=small / "data") as server:
        scripts = Scripts(server)
        filler = "file = open('/opt/ml/model/all', 'wb')\nwhile True:\n    file.write(bytes(10**6))"
        full = wait_for_job(scripts.road.sagemaker, scripts.begin("full", {"train.py": filler}))
        assert full["TrainingJobStatus"] == "Failed"
        assert "No space left" in full["FailureReason"] or "disk" in full["FailureReason"]
        after = wait_for_job(scripts.road.sagemaker, scripts.begin("after", {"train.py": "print('fine')"}))
        assert after["TrainingJobStatus"] == "Completed", after.get("FailureReason")
