import pytest

from potager.compute.workload import Absent, Exited, Running
from potager.train.lifecycle import Conclude, Halt, Job, Launch, Rest, Watch, decide, moved


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
        (exited("out of memory", None), "ran out of memory"),
        (exited("lost", None), "lost"),
    ],
)
def test_a_job_that_failed_says_why(seen: Exited, told: str) -> None:
    end = decide(Job("InProgress", "Training"), seen)
    assert isinstance(end, Conclude)
    assert end.status == "Failed"
    assert told in end.reason


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
