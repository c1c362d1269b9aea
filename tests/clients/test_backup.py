"""`potager backup` beside a server that works, and a server on what `potager restore` makes of it."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import potager
from tests.clients.road import Road, claims_csv, until


def command(*argv: object, expect: int = 0) -> str:
    """What a command of Potager's says, its errors included."""
    done = subprocess.run([sys.executable, "-m", "potager", *map(str, argv)], capture_output=True, text=True)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def crowd(server: potager.Local, bucket: str, stop: threading.Event) -> Sequence[threading.Thread]:
    """Clients that put, overwrite, copy, upload in parts and delete until they are told to stop."""

    def client(seed: int) -> None:
        source, s3 = random.Random(seed), server.client("s3")
        while not stop.is_set():
            key = f"{seed}/{source.randrange(6)}"
            match source.randrange(5):
                case 0:
                    s3.delete_object(Bucket=bucket, Key=key)
                case 1:
                    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "steady"})
                case 2:
                    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
                    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
                    part = s3.upload_part(**named, PartNumber=1, Body=source.randbytes(30_000))
                    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
                    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
                case _:
                    s3.put_object(Bucket=bucket, Key=key, Body=source.randbytes(source.choice((10, 5_000, 200_000))))

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    return threads


def check_whole(s3: Any, bucket: str) -> int:
    """Every object reads back as its row says; how many there are."""
    count = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=listed["Key"])["Body"].read()
            assert len(body) == listed["Size"]
            digest = hashlib.md5(body)
            if "-" in listed["ETag"]:
                digest = hashlib.md5(digest.digest())
            assert listed["ETag"].strip('"').partition("-")[0] == digest.hexdigest()
            count += 1
    return count


@pytest.mark.parametrize("back", ["sqlite", "postgres"])
def test_a_backup_taken_beside_a_crowd_is_whole(back: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    database = request.getfixturevalue("postgres") if back == "postgres" else "sqlite"
    with potager.local(database=database) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="claims")
        s3.put_object(Bucket="claims", Key="steady", Body=os.urandom(100_000))
        stop = threading.Event()
        threads = crowd(server, "claims", stop)
        try:
            until(lambda: s3.list_objects_v2(Bucket="claims")["KeyCount"] > 5, "some objects")
            for _ in range(3):
                said = command("backup", tmp_path / "backup", "--data", server.data, "--database", database)
            assert "2 buckets" in said
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        keys = server.env
    command("restore", tmp_path / "backup", "--data", tmp_path / "again")
    with potager.local(data=tmp_path / "again") as again:
        assert again.env["AWS_SECRET_ACCESS_KEY"] == keys["AWS_SECRET_ACCESS_KEY"]
        assert check_whole(again.client("s3"), "claims") > 1


def test_what_is_said_counts_by_ones_and_names_the_disk_and_the_next_step(tmp_path: Path) -> None:
    data, backup, again = tmp_path / "data", tmp_path / "backup", tmp_path / "again"
    with potager.local(data=data) as server:
        said = command("backup", backup, "--data", data)
        assert said == f"{backup}: 1 bucket, 0 objects, 0 bytes in files\n"
        bucket = server.client("s3").list_buckets()["Buckets"][0]["Name"]
        server.client("s3").put_object(Bucket=bucket, Key="k", Body=os.urandom(2**20))
        said = command("backup", backup, "--data", data)
    assert f"{backup}: 1 bucket, 1 object, 1.0 MiB in files\n" in said
    assert f"{backup} is on the disk of {data} and shares the bytes of objects with it" in said
    assert f"Serve it: potager up --data {again}\n" in command("restore", backup, "--data", again)
    assert "name that with --database" in command("fsck", "--data", backup, expect=1)


def test_jobs_models_and_logs_are_there_again_and_an_endpoint_comes_up(tmp_path: Path) -> None:
    with potager.local() as server:
        road = Road(server)
        job = road.train_once()
        name = road.deploy(job, "kept")
        row = claims_csv(1, label=False)
        asked: dict[str, Any] = {"EndpointName": name, "ContentType": "text/csv", "Body": row}
        before = road.runtime.invoke_endpoint(**asked)["Body"].read()
        command("backup", tmp_path / "backup", "--data", server.data)
    command("restore", tmp_path / "backup", "--data", tmp_path / "again")
    with potager.local(data=tmp_path / "again") as again:
        runtime, sagemaker = again.client("sagemaker-runtime"), again.client("sagemaker")
        found = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
        assert found["ModelArtifacts"] == job["ModelArtifacts"]
        pages = again.client("logs").get_paginator("filter_log_events")
        lines = pages.paginate(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job["TrainingJobName"] + "/"
        )
        assert any("Training a binary_classifier" in each["message"] for page in lines for each in page["events"])

        def answer() -> bytes | None:
            try:
                return runtime.invoke_endpoint(**asked)["Body"].read()
            except runtime.exceptions.ClientError:
                assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] != "Failed"
                return None

        assert until(answer, f"an answer of {name}") == before


def test_a_backup_that_is_killed_holds_nothing_up(fresh_server: potager.Local, tmp_path: Path) -> None:
    s3 = fresh_server.client("s3")
    s3.create_bucket(Bucket="claims")
    holding = (
        "import sys, pathlib\n"
        "from potager.store.removal import withheld\n"
        "with withheld(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    blobs = Path(fresh_server.data) / "blobs"
    s3.put_object(Bucket="claims", Key="k", Body=os.urandom(10**6))
    (path,) = (path for path in blobs.glob("??/*") if path.stat().st_size == 10**6)
    held = subprocess.Popen(
        [sys.executable, "-c", holding, blobs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        s3.delete_object(Bucket="claims", Key="k")
        s3.put_object(Bucket="claims", Key="other", Body=b"x")
        assert path.exists()
    finally:
        held.send_signal(signal.SIGKILL)
        held.communicate()
    until(lambda: not path.exists(), "the file that nobody names any more to go")


def test_what_cannot_be_is_refused_with_the_remedy(server: potager.Local, tmp_path: Path) -> None:
    said = command("restore", tmp_path, "--data", server.data, expect=1)
    assert f"process {server.pid} serves this folder" in said
    assert "is no backup" in command("restore", tmp_path, "--data", tmp_path / "again", expect=1)
    assert "no data folder" in command("backup", tmp_path / "b", "--data", tmp_path / "none", expect=1)
    command("backup", tmp_path / "b", "--data", server.data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert "is not empty" in command("restore", tmp_path / "b", "--data", tmp_path / "full", expect=1)


def test_settings_that_name_another_database_are_put_aside(postgres: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "potager.toml").write_text(f'database = "{postgres}"\nregion = "eu-west-1"\n')
    with potager.local(data=data, region="eu-west-1") as server:
        server.client("s3").put_object(Bucket="sagemaker-eu-west-1-000000000000", Key="k", Body=b"kept")
        command("backup", tmp_path / "b", "--data", data)
    said = command("restore", tmp_path / "b", "--data", tmp_path / "again")
    assert "potager.toml.restored" in said
    with potager.local(data=tmp_path / "again", region="eu-west-1") as again:
        found = again.client("s3").get_object(Bucket="sagemaker-eu-west-1-000000000000", Key="k")
        assert found["Body"].read() == b"kept"
