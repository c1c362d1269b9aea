"""What a notebook instance needs next."""

from __future__ import annotations

from typing import Any

import pytest

from potager.compute.workload import Absent, Exited, Running
from potager.prepare.notebooks.lifecycle import Await, Conclude, Forget, Halt, Launch, Rest, Watch, decide


def ended(reason: Any = "exited", code: int | None = 0, signal: int | None = None, detail: str = "") -> Exited:
    return Exited(code, signal, reason, 1.0, detail=detail)


@pytest.mark.parametrize(
    ("status", "launched", "seen", "action"),
    [
        ("Pending", False, Absent(), Launch()),
        ("Pending", False, Running(1), Await()),  # a server was killed before it wrote that it had launched
        ("Pending", True, Running(1), Await()),
        ("InService", True, Running(1), Watch()),
        ("InService", True, ended(), Conclude("Stopped")),  # nobody used it, or its user shut it down
        ("InService", True, ended("stopped", None, 15), Conclude("Stopped")),
        ("Stopping", True, Running(1), Halt()),
        ("Stopping", True, ended("stopped", None, 9), Conclude("Stopped")),
        ("Stopping", False, Absent(), Conclude("Stopped")),
        ("Deleting", True, Absent(), Forget()),
        ("Deleting", True, Running(1), Halt()),
        ("Stopped", True, Absent(), Rest()),
        ("Failed", True, ended(), Rest()),
    ],
)
def test_the_next_action_follows_from_what_is_wanted_and_seen(
    status: str, launched: bool, seen: Any, action: Any
) -> None:
    assert decide(status, launched, seen) == action


@pytest.mark.parametrize(
    ("status", "seen", "word"),
    [
        ("Pending", ended(code=1), "exit code 1"),
        ("Pending", ended(), "exit code 0"),
        ("InService", ended(code=None, signal=11), "signal 11"),
        ("InService", ended("lost", None), "Start it again"),
        ("InService", ended("out of memory", None, 9, "The program ran out of memory"), "out of memory"),
        ("InService", Absent(), "folder is gone"),
    ],
)
def test_an_instance_that_ends_by_itself_otherwise_has_failed_and_says_why(status: str, seen: Any, word: str) -> None:
    action = decide(status, True, seen)
    assert isinstance(action, Conclude)
    assert action.status == "Failed"
    assert word in action.reason
