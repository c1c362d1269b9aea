import pytest

from potager.deploy.transform.lifecycle import Busy, Conclude, Done, Halt, Idle, Launch, Rest, Wait, decide


def test_a_job_that_nobody_works_on_is_launched() -> None:
    assert decide("InProgress", Idle()) == Launch()


def test_a_job_at_work_is_waited_for() -> None:
    assert decide("InProgress", Busy()) == Wait()


def test_a_job_ends_as_its_work_did() -> None:
    assert decide("InProgress", Done()) == Conclude("Completed")
    assert decide("InProgress", Done("ClientError: no")) == Conclude("Failed", "ClientError: no")


def test_a_job_that_shall_stop_is_broken_off_and_then_stopped_however_its_work_ended() -> None:
    assert decide("Stopping", Busy()) == Halt()
    for seen in (Idle(), Done(), Done("ClientError: no")):
        assert decide("Stopping", seen) == Conclude("Stopped")


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_a_job_that_has_ended_rests(status: str) -> None:
    for seen in (Idle(), Busy(), Done("late")):
        assert decide(status, seen) == Rest()
