"""A server whose rows are in Postgres: what clients see is what they see of any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.s3.transfer
import pytest

import potager
from potager.cli.child import NotStarted
from tests.clients.road import Road, claims_csv
from tests.postgres import Server


@pytest.fixture
def server(postgres: str) -> Iterator[potager.Local]:
    with potager.local(database=postgres) as running:
        yield running


def test_objects_are_put_listed_copied_and_deleted_and_outlive_a_kill(server: potager.Local, tmp_path: Path) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="claims")
    bodies = {f"2024/{name}": os.urandom(1000) for name in ("ü", "a b", "z", "B", "😀")}
    for key, body in bodies.items():
        s3.put_object(Bucket="claims", Key=key, Body=body, Metadata={"of": "postgres"})
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20 * 2**20))
    parts = boto3.s3.transfer.TransferConfig(multipart_threshold=2**23, multipart_chunksize=2**23)
    s3.upload_file(str(big), "claims", "big", Config=parts)
    s3.copy_object(Bucket="claims", Key="copy", CopySource={"Bucket": "claims", "Key": "2024/ü"})
    s3.delete_object(Bucket="claims", Key="2024/z")
    del bodies["2024/z"]

    server.kill()
    server.start()
    listed = s3.list_objects_v2(Bucket="claims", Prefix="2024/", MaxKeys=2)
    keys = [each["Key"] for each in listed["Contents"]]
    while listed["IsTruncated"]:
        listed = s3.list_objects_v2(
            Bucket="claims", Prefix="2024/", MaxKeys=2, ContinuationToken=listed["NextContinuationToken"]
        )
        keys += [each["Key"] for each in listed["Contents"]]
    assert keys == sorted(bodies, key=str.encode)
    for key, body in bodies.items():
        found = s3.get_object(Bucket="claims", Key=key)
        assert (found["Body"].read(), found["Metadata"]) == (body, {"of": "postgres"})
    assert s3.get_object(Bucket="claims", Key="copy")["Body"].read() == bodies["2024/ü"]
    assert s3.get_object(Bucket="claims", Key="big")["Body"].read() == big.read_bytes()
    assert not (server.data / "potager.db").exists()


def test_the_road_from_data_to_predictions(server: potager.Local) -> None:
    road = Road(server)
    job = road.train_once()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = road.deploy(job, "kept")
    row = claims_csv(1, label=False)
    asked: dict[str, Any] = {"EndpointName": name, "ContentType": "text/csv", "Body": row}
    before = road.runtime.invoke_endpoint(**asked)["Body"].read()
    assert b"score" in before
    assert road.sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"]) | {"ResponseMetadata": 0} == (
        job | {"ResponseMetadata": 0}
    )
    road.delete(name)


def test_a_second_server_on_one_database_is_refused_whatever_its_folder(server: potager.Local, postgres: str) -> None:
    with pytest.raises(NotStarted, match=rf"in use by another server: process {server.pid} on"):
        potager.local(database=postgres)


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    url = "postgresql://someone:hunter2@127.0.0.1:1/nobody"
    with pytest.raises(NotStarted, match=r"database nobody on 127\.0\.0\.1 cannot be used") as caught:
        potager.local(data=tmp_path, database=url, log_level="debug")
    assert "Traceback" not in str(caught.value)
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or b"hunter2" not in file.read_bytes()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(NotStarted, match="the value given is not `sqlite` or the URL of a Postgres database"):
        potager.local(data=tmp_path, database="mysql://someone:hunter2@localhost/x")


def test_postgres_may_restart_while_clients_work(server: potager.Local, postgres_server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="claims")
    for number in range(30):
        if number in (10, 20):
            with postgres_server.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                    "AND backend_type = 'client backend'"
                )
        s3.put_object(Bucket="claims", Key=f"{number:02d}", Body=b"x")
    assert s3.list_objects_v2(Bucket="claims")["KeyCount"] == 30


def test_a_data_folder_is_not_swept_by_the_rows_of_another_database(postgres: str, tmp_path: Path) -> None:
    body = os.urandom(50_000)
    with potager.local(data=tmp_path / "data") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="claims")
        s3.put_object(Bucket="claims", Key="k", Body=body)
    with pytest.raises(
        NotStarted, match=r"does not belong to the Postgres database .*Give the one that was used before"
    ):
        potager.local(data=tmp_path / "data", database=postgres)
    with potager.local(data=tmp_path / "data") as server:
        assert server.client("s3").get_object(Bucket="claims", Key="k")["Body"].read() == body
