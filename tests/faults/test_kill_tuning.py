"""`kill -9` of the server while a tuning job runs: no trial is lost, and none is run twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.road import until
from tests.clients.tuning import Tuning
from tests.faults.test_kill import log_lines

STEADY = """
    import argparse, time
    parser = argparse.ArgumentParser()
    parser.add_argument("-x", type=float)
    given, _ = parser.parse_known_args()
    print("begins")
    time.sleep(0.2)
    print("height=%.6f;" % given.x)
"""
JOBS = 6


@pytest.mark.parametrize("moment", range(3))
def test_a_tuning_job_goes_on_after_the_server_was_killed(fresh_server: Any, moment: int) -> None:
    tuning = Tuning(fresh_server)
    job = tuning.start("killed", train=STEADY, jobs=JOBS, parallel=2)
    for kills in range(2):
        until(lambda at=kills + moment % 2: len(tuning.trials(job)) > at, f"training job {kills} of {job}")
        for _ in range(moment * 3):
            tuning.describe(job)
        fresh_server.kill()
        fresh_server.start()
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"]["Completed"] == JOBS
    trials = tuning.trials(job)
    assert [each["TrainingJobName"][len(job) : len(job) + 4] for each in trials] == [
        f"-{number:03d}" for number in range(1, JOBS + 1)
    ]
    assert len({each["TunedHyperParameters"]["x"] for each in trials}) == JOBS
    for each in trials:
        assert log_lines(fresh_server, each["TrainingJobName"]).count("begins") == 1


def test_a_tuning_job_that_is_stopping_when_the_server_is_killed_is_stopped(fresh_server: Any) -> None:
    tuning = Tuning(fresh_server)
    train = "import time\nprint('height=1;')\ntime.sleep(600)"
    job = tuning.start("stopping", train=train, jobs=JOBS)
    until(lambda: len(tuning.trials(job, StatusEquals="InProgress")) == 2, f"two training jobs of {job}")
    tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    fresh_server.kill()
    fresh_server.start()
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Stopped"
    assert seen["TrainingJobStatusCounters"]["Stopped"] == 2
