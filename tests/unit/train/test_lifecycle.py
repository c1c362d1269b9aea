from dataclasses import replace

import pytest

from potager.compute.workload import Absent, Exited, Running
from potager.train.lifecycle import Again, Conclude, Halt, Job, Launch, Rest, Watch, decide, moved, overdue


def exited(reason: str = "exited", code: int | None = 0) -> Exited:
    return Exited(code=code, signal=None, reason=reason, at=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("secondary", ["Starting", "Downloading"])
def test_a_job_without_a_workload_is_launched(secondary: str) -> None:
    assert decide(Job("InProgress", secondary), Absent()) == Launch()


def test_a_running_job_is_watched_whatever_its_row_says() -> None:
    for secondary in ("Starting", "Downloading", "Training"):
        assert decide(Job("InProgress", secondary), Running(7)) == Watch()


def test_a_job_that_shall_stop_is_halted_or_ended() -> None:
    assert decide(Job("Stopping", "Stopping"), Running(7)) == Halt()
    assert decide(Job("Stopping", "Stopping"), Absent()) == Conclude("Stopped", "Stopped", keep=False)
    assert decide(Job("Stopping", "Stopping"), exited("stopped", None)) == Conclude("Stopped", "Stopped")
    for reason, code in (("exited", 0), ("exited", 1), ("killed", None)):
        assert decide(Job("Stopping", "Stopping"), exited(reason, code)) == Conclude("Stopped", "Stopped")


def test_a_job_whose_program_ended_well_is_completed() -> None:
    assert decide(Job("InProgress", "Training"), exited()) == Conclude("Completed", "Completed")


def test_a_job_over_its_time_is_stopped_and_says_so() -> None:
    end = decide(Job("InProgress", "Training"), exited("time limit", None))
    assert end == Conclude("Stopped", "MaxRuntimeExceeded")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (exited("exited", 3), "exited with code 3"),
        (replace(exited("out of memory", None), detail="It ran out of memory."), "ClientError: It ran out of memory."),
        (exited("lost", None), "lost"),
    ],
)
def test_a_job_that_failed_says_why(seen: Exited, told: str) -> None:
    end = decide(Job("InProgress", "Training"), seen)
    assert isinstance(end, Conclude)
    assert end.status == "Failed"
    assert told in end.reason


@pytest.mark.parametrize(
    ("limit", "accelerated", "status", "left"),
    [
        (7200, True, "Pending", 7100.0),
        (7200, False, "Pending", None),
        (None, True, "Pending", None),
        (7200, True, "Starting", None),
    ],
)
def test_a_job_waits_for_accelerators_no_longer_than_it_says(
    limit: int | None, accelerated: bool, status: str, left: float | None
) -> None:
    condition = {"MaxPendingTimeInSeconds": limit} if limit else {}
    doc = {"StoppingCondition": condition, "SecondaryStatusTransitions": [{"Status": status, "StartTime": 1000.0}]}
    assert overdue(doc, accelerated, 1100.0) == left


def test_a_pending_job_says_what_it_waits_for() -> None:
    doc = moved({}, "Pending", 1.0, "Waiting for 4 vCPUs")
    assert doc["SecondaryStatusTransitions"] == [
        {"Status": "Pending", "StartTime": 1.0, "StatusMessage": "Waiting for 4 vCPUs"}
    ]
    assert decide(Job("InProgress", "Pending"), Absent()) == Launch()
    assert decide(Job("Stopping", "Pending"), Absent()) == Conclude("Stopped", "Stopped", keep=False)


def test_a_job_whose_folder_vanished_while_it_trained_has_failed() -> None:
    end = decide(Job("InProgress", "Training"), Absent())
    assert isinstance(end, Conclude)
    assert end.status == "Failed"


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_a_job_that_ended_rests_whatever_is_seen(status: str) -> None:
    for seen in (Absent(), Running(7), exited()):
        assert decide(Job(status, status), seen) == Rest()


def test_transitions_are_closed_by_the_next_and_ends_by_themselves() -> None:
    doc = moved({}, "Starting", 1.0)
    doc = moved(doc, "Training", 2.0)
    doc = moved(doc, "Training", 3.0, Note="again")
    doc = moved(doc, "Failed", 4.0, FailureReason="because")
    steps = [(step["Status"], step["StartTime"], step["EndTime"]) for step in doc["SecondaryStatusTransitions"]]
    assert steps == [("Starting", 1.0, 2.0), ("Training", 2.0, 4.0), ("Failed", 4.0, 4.0)]
    assert doc["SecondaryStatusTransitions"][-1]["StatusMessage"] == "because"
    assert (doc["Note"], doc["SecondaryStatus"]) == ("again", "Failed")


SPOT = Job("InProgress", "Training", spot=True)
RETRIED = Job("InProgress", "Training", retries=1)


def test_a_spot_job_that_loses_its_machine_or_its_place_begins_again() -> None:
    for seen in (exited("lost", None), exited("stopped", None), Absent()):
        assert decide(SPOT, seen) == Again("Interrupted")
    assert decide(Job("InProgress", "Interrupted", spot=True), exited("lost", None)) == Again("Interrupted")


def test_an_error_of_ours_is_retried_as_often_as_the_job_asks() -> None:
    for seen in (exited("lost", None), Absent()):
        assert decide(RETRIED, seen) == Again("Restarting")
        end = decide(Job("InProgress", "Training", retries=0), seen)
        assert isinstance(end, Conclude)
        assert end.reason.startswith("InternalServerError")


def test_a_job_that_was_ended_to_begin_again_does_so_even_when_the_server_died_in_between() -> None:
    restarting = Job("InProgress", "Restarting", retries=1)
    assert decide(restarting, exited("stopped", None)) == Again("Restarting")
    assert decide(RETRIED, exited("stopped", None)) == Conclude("Stopped", "Stopped")
    stopping = Job("Stopping", "Stopping", retries=1)
    assert decide(stopping, exited("stopped", None)) == Conclude("Stopped", "Stopped")


@pytest.mark.parametrize("seen", [exited("exited", 1), exited("killed", None), exited("out of memory", None)])
def test_what_the_program_did_itself_is_neither_retried_nor_an_interruption(seen: Exited) -> None:
    for job in (SPOT, RETRIED):
        end = decide(job, seen)
        assert isinstance(end, Conclude)
        assert end.status == "Failed"


def test_a_job_that_shall_stop_or_that_completed_does_not_begin_again() -> None:
    assert decide(Job("Stopping", "Stopping", spot=True), exited("stopped", None)) == Conclude("Stopped", "Stopped")
    assert decide(SPOT, exited()) == Conclude("Completed", "Completed")
    lost = decide(Job("Stopping", "Stopping", spot=True, retries=1), exited("lost", None))
    assert isinstance(lost, Conclude)


def test_a_job_whose_time_is_up_does_not_begin_again() -> None:
    over = Job("InProgress", "Training", spot=True, over="MaxWaitTimeExceeded")
    assert decide(over, exited("lost", None)) == Conclude("Stopped", "MaxWaitTimeExceeded")
    assert decide(over, exited("time limit", None)) == Conclude("Stopped", "MaxWaitTimeExceeded")
    assert decide(over, exited()) == Conclude("Completed", "Completed")
    waiting = Job("InProgress", "Starting", spot=True, over="MaxWaitTimeExceeded")
    assert decide(waiting, Absent()) == Conclude("Stopped", "MaxWaitTimeExceeded", keep=False)


def test_an_on_demand_job_that_somebody_ended_is_stopped() -> None:
    assert decide(RETRIED, exited("stopped", None)) == Conclude("Stopped", "Stopped")
