"""`kill -9` of the server while processing jobs run: each ends once, with all of its outputs, and leaves nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.clients.processing import Processing
from tests.clients.road import until
from tests.faults.test_kill import shim

WAITS = """
    import os, time, boto3
    from botocore.config import Config
    print("begins")
    open("/opt/ml/processing/live/one.txt", "w").write("one")
    s3 = boto3.client("s3", config=Config(retries={"max_attempts": 50}))
    while not s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="go")["KeyCount"]:
        time.sleep(0.05)
    open("/opt/ml/processing/live/two.txt", "w").write("two")
    open("/opt/ml/processing/out/end.txt", "w").write("end")
    open("/opt/ml/output/message", "w").write("done")
"""


def start(processing: Processing, name: str, script: str = WAITS) -> str:
    outputs = [
        processing.output("live", mode="Continuous", key=f"{name}/live"),
        processing.output("out", key=f"{name}/out"),
    ]
    return processing.start(name, script, outputs=outputs, Environment={"BUCKET": processing.road.bucket})


def check_ended_once(processing: Processing, name: str, job: str) -> None:
    """The job completed, in one pass of one program, with all outputs; nothing of it stays."""
    ended = processing.wait(job)
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    assert ended["ExitMessage"] == "done"
    assert processing.lines(ended).count("begins") == 1
    assert processing.content(f"{name}/live/") == {"one.txt": b"one", "two.txt": b"two"}
    assert processing.content(f"{name}/out/") == {"end.txt": b"end"}
    until(lambda: not folders(processing), "the end of the job's folder")


def folders(processing: Processing) -> list[Path]:
    return list((Path(processing.server.data) / "jobs").glob("pr-*"))


def test_a_job_that_runs_is_adopted_and_its_continuous_outputs_go_on(fresh_server: Any) -> None:
    processing = Processing(fresh_server)
    job = start(processing, "adopted")
    until(lambda: processing.content("adopted/live/"), "a continuous output")
    # Gone, so that only a server that knows of no earlier sync puts it again.
    processing.road.s3.delete_object(Bucket=processing.road.bucket, Key="adopted/live/one.txt")
    fresh_server.kill()
    fresh_server.start()
    until(lambda: processing.content("adopted/live/"), "a continuous output of the next server")
    processing.road.put("go", "")
    check_ended_once(processing, "adopted", job)


def test_a_job_that_ends_while_no_server_runs_is_concluded_by_the_next(fresh_server: Any) -> None:
    processing = Processing(fresh_server)
    processing.road.put("gate", "")
    script = WAITS.replace('s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="go")["KeyCount"]', "_gone()")
    gone = """
    import socket
    from urllib.parse import urlsplit

    def _gone():
        try:
            url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
            socket.create_connection((url.hostname, url.port), 1).close()
        except OSError:
            return True
    """
    job = start(processing, "alone", gone + script)
    until(lambda: processing.content("alone/live/"), "a continuous output")
    (folder,) = folders(processing)
    fresh_server.kill()
    until((folder / "run" / "exit.json").exists, f"the exit record of {job}")
    fresh_server.start()
    check_ended_once(processing, "alone", job)


@pytest.mark.parametrize("moment", range(3))
def test_a_server_killed_soon_after_create_still_runs_the_job_once(fresh_server: Any, moment: int) -> None:
    processing = Processing(fresh_server)
    processing.road.put("go", "")
    job = start(processing, "early")
    for _ in range(moment * 3):
        processing.describe(job)
    fresh_server.kill()
    fresh_server.start()
    check_ended_once(processing, "early", job)


def test_a_job_whose_processes_are_all_killed_fails_with_a_reason(fresh_server: Any) -> None:
    processing = Processing(fresh_server)
    job = start(processing, "lost")
    until(lambda: processing.content("lost/live/"), "a continuous output")
    (folder,) = folders(processing)
    fresh_server.kill()
    os.kill(shim(folder), signal.SIGKILL)
    fresh_server.start()
    ended = processing.wait(job)
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "lost" in ended["FailureReason"]
    until(lambda: not folders(processing), "the end of the job's folder")


def test_a_job_that_is_stopping_ends_as_stopped_under_the_next_server(fresh_server: Any) -> None:
    processing = Processing(fresh_server)
    job = start(processing, "stopped")
    until(lambda: processing.content("stopped/live/"), "a continuous output")
    processing.road.sagemaker.stop_processing_job(ProcessingJobName=job)
    fresh_server.kill()
    fresh_server.start()
    assert processing.wait(job)["ProcessingJobStatus"] == "Stopped"
