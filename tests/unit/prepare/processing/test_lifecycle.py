from __future__ import annotations

from typing import Any

import pytest

from potager.compute.workload import Absent, Exited, Running
from potager.prepare.processing.lifecycle import Conclude, Halt, Launch, Rest, Watch, decide


def exited(code: int | None = 0, reason: Any = "exited", signal: int | None = None) -> Exited:
    return Exited(code, signal, reason, 1.0)


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_a_job_that_ended_rests_whatever_is_seen(status: str) -> None:
    for seen in (Absent(), Running(1), exited(1)):
        assert decide(status, True, seen) == Rest()


def test_a_new_job_is_launched_and_watched() -> None:
    assert decide("InProgress", False, Absent()) == Launch()
    assert decide("InProgress", False, Running(1)) == decide("InProgress", True, Running(1)) == Watch()


def test_a_stop_halts_what_runs_and_ends_what_does_not() -> None:
    assert decide("Stopping", True, Running(1)) == Halt()
    assert decide("Stopping", False, Absent()) == Conclude("Stopped", keep="nothing")
    assert decide("Stopping", True, exited(3)) == Conclude("Stopped")
    assert decide("Stopping", True, exited(None, "killed", 9)) == Conclude("Stopped")


def test_a_folder_that_went_fails_a_job_that_ran() -> None:
    end = decide("InProgress", True, Absent())
    assert isinstance(end, Conclude)
    assert (end.status, end.keep) == ("Failed", "nothing")


@pytest.mark.parametrize(
    ("seen", "status", "keep"),
    [
        (exited(0), "Completed", "all"),
        (exited(1), "Failed", "continuous"),
        (exited(None, "killed", 9), "Failed", "continuous"),
        (exited(None, "out of memory", 9), "Failed", "continuous"),
        (exited(None, "lost"), "Failed", "continuous"),
        (exited(0, "time limit"), "Stopped", "all"),
        (exited(None, "stopped", 9), "Stopped", "all"),
    ],
)
def test_an_end_is_told_by_how_the_program_ended(seen: Exited, status: str, keep: str) -> None:
    end = decide("InProgress", True, seen)
    assert isinstance(end, Conclude)
    assert (end.status, end.keep) == (status, keep)
