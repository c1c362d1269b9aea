"""What time a job has had, has left, and how it begins again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from potager.compute.workload import Absent, Exited
from potager.store.rows import Row
from potager.train import attempts

NOWHERE = [Path("/nowhere/log")]


def row(**doc: Any) -> Row:
    base = {"SecondaryStatus": "Training", "StoppingCondition": {"MaxRuntimeInSeconds": 100}, "_id": "job-a"}
    return Row("training-job", "0", "r", "name", "arn", "InProgress", base | doc, 1000.0, 1000.0, 1)


def exited(at: float, reason: Any = "exited", started: float | None = None) -> Exited:
    return Exited(0, None, reason, at, started)


def test_the_time_of_a_job_is_that_of_all_its_attempts_and_not_of_what_lies_between() -> None:
    doc = row().doc | attempts.begun(row().doc, 1000.0)
    doc = attempts.renewed(doc, "Interrupted", 1030.0, 1040.0)
    assert attempts.taken(doc, 9999.0) == 30.0
    doc = doc | attempts.begun(doc, 2000.0)
    assert doc["TrainingStartTime"] == 1000.0
    assert attempts.taken(doc, 2005.0) == 35.0
    assert attempts.taken(doc, None) == 30.0


def test_an_attempt_has_a_name_of_its_own_and_counts_as_a_retry_only_after_an_error_of_ours() -> None:
    doc = row(RetryStrategy={"MaximumRetryAttempts": 2}).doc
    second = attempts.renewed(doc, "Interrupted", None, 1.0)
    third = attempts.renewed(second, "Restarting", None, 2.0)
    assert len({doc["_id"], second["_id"], third["_id"]}) == 3
    assert [attempts.number(each) for each in (doc, second, third)] == [1, 2, 3]
    assert [attempts.retries(each) for each in (doc, second, third)] == [2, 2, 1]
    assert third["SecondaryStatus"] == "Starting"


def test_an_attempt_gets_what_the_others_left_of_the_time() -> None:
    assert attempts.left(row(), 5000.0) == 100.0
    assert attempts.left(row(_seconds=60.0), 5000.0) == 40.0
    assert attempts.left(row(_seconds=100.0), 5000.0) == attempts.SHORTEST
    spot = row(StoppingCondition={"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 150})
    assert attempts.left(spot, 1010.0) == 100.0
    assert attempts.left(spot, 1080.0) == 70.0


def test_the_time_that_is_up_is_named() -> None:
    limits = {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 150}
    for seen, now, expected in (
        (Absent(), 1149.0, ""),
        (Absent(), 1150.0, "MaxWaitTimeExceeded"),
        (exited(1099.0), 1099.0, ""),
        (exited(1100.0), 1101.0, "MaxRuntimeExceeded"),
    ):
        found = attempts.job(row(StoppingCondition=limits, _began=1000.0, _attempt=2), seen, NOWHERE, now)
        assert found.over == expected


def test_the_time_in_which_a_server_was_down_is_not_the_job_s() -> None:
    assert attempts.job(row(_began=1000.0), Absent(), NOWHERE, 9999.0).over == ""


def test_a_lost_attempt_ended_when_it_was_last_heard_of(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    os.utime(log, (1020.0, 1020.0))
    assert attempts.ended(exited(5000.0, "lost", 1001.0), [log]) == 1020.0
    assert attempts.ended(exited(5000.0, "lost", 1030.0), [log]) == 1030.0
    assert attempts.ended(exited(5000.0, "lost", 1001.0), [tmp_path / "none"]) == 1001.0
    assert attempts.ended(exited(5000.0), [log]) == 5000.0
    assert attempts.ended(Absent(), [log]) is None
