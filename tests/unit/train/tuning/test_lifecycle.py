"""What a tuning job does next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from potager.train.tuning.lifecycle import Conclude, Halt, Job, Launch, Rest, Wait, decide

JOB = Job("InProgress", limit=10, parallel=2, launched=0)


def test_a_new_job_makes_training_jobs_until_as_many_run_as_may() -> None:
    assert decide(JOB) == Launch()
    assert decide(replace(JOB, launched=1, running=1)) == Launch()
    assert decide(replace(JOB, launched=2, running=2)) == Wait()


def test_a_job_that_has_made_all_waits_for_the_last_and_is_complete() -> None:
    assert decide(replace(JOB, launched=10, running=1, succeeded=9)) == Wait()
    assert decide(replace(JOB, launched=10, succeeded=10)) == Conclude("Completed")


def test_a_job_without_a_limit_ends_when_the_strategy_is_at_its_end() -> None:
    endless = replace(JOB, limit=None, launched=700, running=1, succeeded=699)
    assert decide(endless) == Launch()
    assert decide(replace(endless, exhausted=True)) == Wait()
    assert decide(replace(endless, running=0, exhausted=True)) == Conclude("Completed")


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_a_job_that_has_ended_rests(status: str) -> None:
    assert decide(replace(JOB, status=status)) == Rest()


def test_a_job_that_is_stopping_stops_what_runs_and_is_stopped() -> None:
    stopping = replace(JOB, status="Stopping", launched=2, running=2)
    assert decide(stopping) == Halt()
    assert decide(replace(stopping, running=0)) == Conclude("Stopped")
    assert decide(replace(stopping, running=0, failed=9)) == Conclude("Stopped")


def test_a_job_whose_criterion_is_met_stops_what_runs_and_is_complete() -> None:
    over = replace(JOB, launched=2, running=1, succeeded=1, over=True)
    assert decide(over) == Halt()
    assert decide(replace(over, running=0)) == Conclude("Completed")


def test_a_job_fails_when_five_training_jobs_came_to_nothing() -> None:
    failing = replace(JOB, launched=4, failed=4)
    assert decide(failing) == Launch()
    assert decide(replace(failing, launched=6, failed=5, running=1)) == Halt()
    end = decide(replace(failing, launched=6, failed=6))
    assert isinstance(end, Conclude)
    assert (end.status, end.reason.partition(".")[0]) == ("Failed", "No training job succeeded after 6 attempts")


def test_a_failed_job_says_why_its_latest_training_job_failed() -> None:
    end = decide(replace(JOB, launched=5, failed=5, complaint="ClientError: train has no rows."))
    assert isinstance(end, Conclude)
    assert end.reason.endswith("The latest: ClientError: train has no rows.")
    end = decide(replace(JOB, launched=5, failed=5, complaint="x" * 5000))
    assert isinstance(end, Conclude)
    assert len(end.reason) == 1024


def test_one_success_lets_a_job_go_on_whatever_fails() -> None:
    assert decide(replace(JOB, launched=9, failed=8, succeeded=1)) == Launch()


def test_a_job_whose_programs_never_told_the_metric_says_so() -> None:
    end = decide(replace(JOB, launched=5, silent=5))
    assert isinstance(end, Conclude)
    assert end.reason.startswith("No objective metrics found after running 5 training jobs.")


def test_a_job_none_of_whose_few_training_jobs_succeeded_has_failed() -> None:
    end = decide(replace(JOB, limit=1, launched=1, failed=1))
    assert isinstance(end, Conclude)
    assert (end.status, end.reason.partition(".")[0]) == ("Failed", "No training job succeeded after 1 attempts")
