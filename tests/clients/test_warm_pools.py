"""Warm pools: what a job leaves for the next one that matches it."""

from __future__ import annotations

import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import until, wait_for_job
from tests.clients.scripts import SKLEARN, Scripts
from tests.clients.test_long_jobs import logged, minder

TRAIN = """
    import os
    cache = "/opt/ml/sagemaker/warmpoolcache"
    if os.path.isdir(cache):
        found = sorted(os.listdir(cache))
        open(cache + "/" + os.environ["TRAINING_JOB_NAME"].split("-")[1], "w").write("kept")
    else:
        found = None
    open(os.environ["SM_MODEL_DIR"] + "/found.txt", "w").write(repr(found))
    raise SystemExit(int(os.environ.get("CODE", 0)))
"""


class Pool:
    """A road on which jobs leave warm pools."""

    def __init__(self, server: Any) -> None:
        self.scripts = Scripts(server)
        self.sagemaker = self.scripts.road.sagemaker
        self.folder = Path(server.data) / "pools"

    def train(self, name: str, seconds: int = 600, resources: dict[str, Any] | None = None, **members: Any) -> str:
        """A job once it has ended; gives its name."""
        given = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": seconds}
        if not seconds:
            del given["KeepAlivePeriodInSeconds"]
        job = self.scripts.script(name, {"train.py": TRAIN}, resources=given | (resources or {}), **members)
        assert job["TrainingJobStatus"] == ("Failed" if "Environment" in members else "Completed"), job
        return job["TrainingJobName"]

    def found(self, job: str) -> str:
        """What a job found in its cache."""
        return self.scripts.unpacked(f"output/{job}/output/model.tar.gz")["found.txt"].decode()

    def status(self, job: str) -> dict[str, Any]:
        return self.sagemaker.describe_training_job(TrainingJobName=job).get("WarmPoolStatus", {})

    def keep(self, job: str, seconds: int) -> None:
        config = {"KeepAlivePeriodInSeconds": seconds}
        self.sagemaker.update_training_job(TrainingJobName=job, ResourceConfig=config)

    def listed(self, status: str) -> list[str]:
        found = self.sagemaker.list_training_jobs(WarmPoolStatusEquals=status, NameContains=self.scripts.road.prefix)
        assert all(each["WarmPoolStatus"]["Status"] == status for each in found["TrainingJobSummaries"])
        return [each["TrainingJobName"] for each in found["TrainingJobSummaries"]]


FACTS = """
    import sys
    warm = "sklearn.ensemble" in sys.modules
    import gc, json, multiprocessing, os, threading
    import beside
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_info

    class Kept:
        pass

    def square(number):
        return number * number

    if __name__ == "__main__":
        values = np.random.default_rng(0).normal(size=(2000, 5))
        model = HistGradientBoostingClassifier(max_iter=5).fit(values, values[:, 0] > 0)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            spawned = pool.map(square, [3])
        facts = {
            "argv": sys.argv, "file": __file__, "folder": os.getcwd(), "path": sys.path[0], "beside": beside.WORD,
            "interpreter": sys.executable, "module": Kept.__module__, "spawned": spawned,
            "threads": sorted({(each["user_api"], each["num_threads"]) for each in threadpool_info()}),
            "score": model.score(values, values[:, 0] > 0), "python": os.environ.get("PYTHONPATH", ""),
            "names": sorted(name for name in os.environ if not name.startswith("AWS_")),
        }
        open(os.environ["SM_MODEL_DIR"] + "/facts.json", "w").write(json.dumps([warm, facts]))
        if os.environ.get("FAILS"):
            raise ValueError("no such column")
"""


@pytest.fixture
def pool(fresh_server: Any) -> Pool:
    return Pool(fresh_server)


def test_a_matching_job_takes_the_pool_over_with_its_cache(pool: Pool) -> None:
    first = pool.train("first")
    assert pool.status(first) == {"Status": "Available"}
    other = pool.train("other", resources={"VolumeSizeInGB": 6})
    assert pool.found(first) == pool.found(other) == "[]"
    second = pool.train("second")
    assert pool.found(second) == "['first']"
    assert pool.status(first)["Status"] == "Reused"
    assert pool.status(first)["ReusedByJob"] == second
    assert pool.status(first)["ResourceRetainedBillableTimeInSeconds"] >= 0
    assert pool.status(second) == {"Status": "Available"}
    third = pool.train("third", 0)
    assert pool.found(third) == "['first', 'second']"
    assert pool.status(third) == {"Status": "Terminated"}
    assert pool.listed("Available") == [other]
    assert pool.listed("Reused") == [first, second]
    until(lambda: len(list(pool.folder.iterdir())) == 1, "one cache, the other job's")


def test_a_job_that_is_tried_again_finds_its_cache_and_leaves_one_pool(pool: Pool) -> None:
    train = """
        import os, signal
        cache = "/opt/ml/sagemaker/warmpoolcache"
        print("found", os.listdir(cache), flush=True)
        if not os.listdir(cache):
            open(cache + "/first", "w").close()
            print("waits", flush=True)
            signal.pause()
    """
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600}
    retry = {"MaximumRetryAttempts": 1}
    name = pool.scripts.begin("again", {"train.py": train}, resources=resources, RetryStrategy=retry)
    until(lambda: "waits" in logged(pool.scripts, name), f"{name} at work")
    os.kill(minder(pool.scripts.server, name), signal.SIGKILL)
    job = wait_for_job(pool.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [line for line in pool.scripts.lines(job) if line.startswith("found")] == ["found []", "found ['first']"]
    assert job["WarmPoolStatus"] == {"Status": "Available"}
    assert len(list(pool.folder.iterdir())) == 1


def test_a_list_of_the_jobs_of_a_training_plan_is_refused(pool: Pool) -> None:
    plan = "arn:aws:sagemaker:us-east-1:000000000000:training-plan/ours"
    with pytest.raises(ClientError, match="TrainingPlanArnEquals is not served"):
        pool.sagemaker.list_training_jobs(TrainingPlanArnEquals=plan)


def test_a_job_without_a_pool_has_no_cache_and_shows_none(pool: Pool) -> None:
    job = pool.train("plain", 0)
    assert pool.found(job) == "None"
    assert pool.status(job) == {}


def test_a_pool_ends_with_its_time_and_when_it_is_told(pool: Pool) -> None:
    short = pool.train("short", 1)
    until(lambda: pool.status(short).get("Status") == "Terminated", "the end of the pool")
    assert pool.status(short)["ResourceRetainedBillableTimeInSeconds"] >= 1
    until(lambda: not list(pool.folder.iterdir()), "the end of its cache")

    long = pool.train("long", 60)
    with pytest.raises(ClientError, match="Available warm pool") as refused:
        pool.sagemaker.delete_training_job(TrainingJobName=long)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    pool.keep(long, 3600)
    job = pool.sagemaker.describe_training_job(TrainingJobName=long)
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 3600
    pool.keep(long, 0)
    assert pool.status(long)["Status"] == "Terminated"
    with pytest.raises(ClientError, match="no warm pool that is Available"):
        pool.keep(long, 60)
    pool.sagemaker.delete_training_job(TrainingJobName=long)
    assert pool.found(pool.train("later")) == "[]"


def test_a_pool_stays_when_the_program_failed_and_when_the_server_was_killed(pool: Pool, fresh_server: Any) -> None:
    failed = pool.train("failed", Environment={"CODE": "3"})
    assert pool.status(failed) == {"Status": "Available"}
    fresh_server.kill()
    fresh_server.start()
    assert pool.found(pool.train("after")) == "['failed']"


def test_a_link_in_the_place_of_the_cache_is_not_followed(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "warmpoolcache").mkdir()
    (tmp_path / "warmpoolcache" / "secret").touch()
    train = f"""
        import os
        os.rename("/opt/ml/sagemaker", "/opt/ml/moved")
        os.symlink({str(tmp_path)!r}, "/opt/ml/sagemaker")
    """
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600}
    job = pool.scripts.script("links", {"train.py": train}, resources=resources)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert (tmp_path / "warmpoolcache" / "secret").exists()
    assert pool.found(pool.train("next")) == "[]"


def test_what_a_pool_cannot_do_is_refused(pool: Pool) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600}
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    with pytest.raises(ClientError, match="cannot be used with managed spot training"):
        pool.scripts.begin(
            "spot", {"train.py": ""}, resources=resources, EnableManagedSpotTraining=True, StoppingCondition=limits
        )
    name = pool.scripts.begin("running", {"train.py": "import signal; signal.pause()"}, resources=resources)
    with pytest.raises(ClientError, match="no warm pool that is Available") as refused:
        pool.keep(name, 60)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="RemoteDebugConfig is not served"):
        pool.sagemaker.update_training_job(TrainingJobName=name, RemoteDebugConfig={"EnableRemoteDebug": True})
    pool.sagemaker.stop_training_job(TrainingJobName=name)
    wait_for_job(pool.sagemaker, name)


def test_a_script_that_is_forked_from_a_warm_pool_finds_what_an_interpreter_of_its_own_would_find(pool: Pool) -> None:
    numbers = itertools.count()
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "KeepAlivePeriodInSeconds": 600}

    def run(**members: Any) -> tuple[dict[str, Any], bool, dict[str, Any]]:
        files = {"train.py": FACTS, "beside.py": "WORD = 'beside'"}
        name = f"facts-{next(numbers)}"
        given = {"resources": resources, "hyperparameters": {"depth": 3}, "image": SKLEARN, **members}
        job = pool.scripts.script(name, files, **given)
        archive = pool.scripts.unpacked(f"output/{job['TrainingJobName']}/output/model.tar.gz")
        warm, facts = json.loads(archive["facts.json"])
        return job, warm, facts

    job, warm, cold = run()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert not warm
    kept: list[Any] = []
    until(lambda: (kept.append(seen) or True) if (seen := run())[1] else False, "a job that starts warm")
    assert kept[0][0]["TrainingJobStatus"] == "Completed"
    assert kept[0][2] == cold

    failed, warm, facts = run(Environment={"FAILS": "yes"})
    assert warm
    assert 'ErrorMessage "ValueError: no such column"' in failed["FailureReason"]
    assert "/warm.py" not in "".join(pool.scripts.lines(failed))
    early, warm, facts = run(Environment={"OMP_NUM_THREADS": "1"})
    assert early["TrainingJobStatus"] == "Completed"
    assert not warm
    assert ["openmp", 1] in facts["threads"]
