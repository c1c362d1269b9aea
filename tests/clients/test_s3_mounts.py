"""Buckets that are folders of this machine, or buckets of another object store: here, of a second server."""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

import potager
from potager.cli.main import main
from tests.clients.road import Road, claims_csv

PART = 5 * 2**20


@pytest.fixture(scope="module")
def other() -> Iterator[potager.Local]:
    """Another object store."""
    with potager.local() as running:
        running.client("s3").create_bucket(Bucket="lake")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "claims"
    (where / "2024" / "jan").mkdir(parents=True)
    (where / "2024" / "jan" / "1.csv").write_bytes(b"1,2\n")
    (where / "2024.csv").write_bytes(b"before the folder's slash\n")
    (where / "empty").mkdir()
    return where


def potager_(server: potager.Local, *arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments, "--data", str(server.data)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def mounted(server: potager.Local, folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client, while the folder is the bucket `from-a-folder`."""
    potager_(server, "mount", "from-a-folder", str(folder))
    yield server.client("s3", region="us-east-1")
    potager_(server, "unmount", "from-a-folder")


@pytest.fixture
def remote(server: potager.Local, other: potager.Local) -> Iterator[Any]:
    """A client, while a prefix of the other store's bucket is the bucket `from-afar`."""
    options = {
        "endpoint": other.url,
        "region": "us-east-1",
        "access_key_id": other.env["AWS_ACCESS_KEY_ID"],
        "secret_access_key": other.env["AWS_SECRET_ACCESS_KEY"],
    }
    given = [each for name, value in options.items() for each in ("--option", f"{name}={value}")]
    potager_(server, "mount", "from-afar", "s3://lake/raw", *given)
    yield server.client("s3", region="us-east-1")
    potager_(server, "unmount", "from-afar")


def keys(s3: Any, bucket: str, **given: Any) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **given)
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def refused(call: Any, **given: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def trained(server: potager.Local, bucket: str) -> str:
    """Trains on the claims in a bucket that is mounted, and deploys from there; where its model is."""
    road = Road(server)
    road.bucket = bucket
    road.put("train/claims.csv", claims_csv(300))
    road.put("validation/claims.csv", claims_csv(100, seed=1))
    job = road.train("mounted")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    road.deploy(job, "mounted")
    return job["ModelArtifacts"]["S3ModelArtifacts"].partition(f"{bucket}/")[2]


class TestAFolder:
    BUCKET = "from-a-folder"

    def test_is_listed_and_read_as_it_is(self, mounted: Any, folder: Path) -> None:
        assert self.BUCKET in [each["Name"] for each in mounted.list_buckets()["Buckets"]]
        assert keys(mounted, self.BUCKET) == ["2024.csv", "2024/jan/1.csv", "empty/"]
        assert keys(mounted, self.BUCKET, PaginationConfig={"PageSize": 1}) == ["2024.csv", "2024/jan/1.csv", "empty/"]
        folded = mounted.list_objects_v2(Bucket=self.BUCKET, Delimiter="/")
        assert [each["Prefix"] for each in folded["CommonPrefixes"]] == ["2024/", "empty/"]
        got = mounted.get_object(Bucket=self.BUCKET, Key="2024/jan/1.csv", Range="bytes=2-")
        assert (got["Body"].read(), got["ContentType"]) == (b"2\n", "text/csv")
        (folder / "2024" / "jan" / "1.csv").write_bytes(b"another size")
        assert mounted.get_object(Bucket=self.BUCKET, Key="2024/jan/1.csv")["Body"].read() == b"another size"

    def test_takes_what_is_put_copied_and_deleted(self, mounted: Any, folder: Path) -> None:
        put = mounted.put_object(Bucket=self.BUCKET, Key="new/a.txt", Body=b"hello", Metadata={"by": "me"})
        assert (folder / "new" / "a.txt").read_bytes() == b"hello"
        head = mounted.head_object(Bucket=self.BUCKET, Key="new/a.txt")
        assert head["ETag"] == put["ETag"]
        mounted.copy_object(Bucket=self.BUCKET, Key="b.txt", CopySource={"Bucket": self.BUCKET, "Key": "new/a.txt"})
        assert (folder / "b.txt").read_bytes() == b"hello"
        taken = refused(mounted.put_object, Bucket=self.BUCKET, Key="b.txt", Body=b"x", IfNoneMatch="*")
        assert taken == ("PreconditionFailed", 412)
        mounted.delete_object(Bucket=self.BUCKET, Key="new/a.txt")
        assert not (folder / "new").exists()
        assert not [each for each in os.listdir(folder) if each.startswith(".potager-")]

    def test_takes_uploads_in_parts(self, mounted: Any, folder: Path) -> None:
        data = os.urandom(2 * PART + 17)
        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        mounted.upload_fileobj(io.BytesIO(data), self.BUCKET, "big.bin", Config=config)
        assert (folder / "big.bin").read_bytes() == data
        back = io.BytesIO()
        mounted.download_fileobj(self.BUCKET, "big.bin", back, Config=config)
        assert back.getvalue() == data

    def test_feeds_a_training_job_and_keeps_its_model(self, mounted: Any, server: Any, folder: Path) -> None:
        model = trained(server, self.BUCKET)
        assert (folder / model).stat().st_size > 0
        assert os.stat(folder / "train" / "claims.csv").st_mode & 0o200

    @pytest.mark.parametrize("key", ["../out", "a//b", "/abs", "a/./b", "x" * 300, ".potager-1", "a/" * 101])
    def test_refuses_keys_that_are_no_paths(self, mounted: Any, folder: Path, key: str) -> None:
        assert refused(mounted.put_object, Bucket=self.BUCKET, Key=key, Body=b"x") == ("InvalidArgument", 400)
        assert refused(mounted.get_object, Bucket=self.BUCKET, Key=key) == ("NoSuchKey", 404)
        assert not (folder.parent / "out").exists()

    def test_follows_no_link(self, mounted: Any, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        (folder / "link").symlink_to(tmp_path / "secret")
        (folder / "linked").symlink_to(tmp_path)
        assert keys(mounted, self.BUCKET, Prefix="link") == []
        for key in ("link", "linked/secret"):
            assert refused(mounted.get_object, Bucket=self.BUCKET, Key=key) == ("NoSuchKey", 404)
        assert refused(mounted.put_object, Bucket=self.BUCKET, Key="linked/x", Body=b"x")[1] == 400
        assert not (tmp_path / "x").exists()

    def test_has_no_versions(self, mounted: Any) -> None:
        wanted = {"Status": "Enabled"}
        answer = refused(mounted.put_bucket_versioning, Bucket=self.BUCKET, VersioningConfiguration=wanted)
        assert answer == ("NotImplemented", 501)

    def test_has_a_tag_of_the_system_that_says_from_where(self, mounted: Any, folder: Path) -> None:
        told = {"Key": "aws:potager:mounted-from", "Value": str(folder)}
        assert mounted.get_bucket_tagging(Bucket=self.BUCKET)["TagSet"] == [told]
        assert refused(mounted.put_bucket_tagging, Bucket=self.BUCKET, Tagging={"TagSet": [told]}) == (
            "InvalidTag",
            400,
        )
        mounted.put_bucket_tagging(Bucket=self.BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "fraud"}]})
        found = mounted.get_bucket_tagging(Bucket=self.BUCKET)["TagSet"]
        assert [each["Key"] for each in found] == ["team", "aws:potager:mounted-from"]

    def test_has_no_tags_and_lists_of_access_of_objects(self, mounted: Any, folder: Path) -> None:
        rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        mounted.put_bucket_ownership_controls(Bucket=self.BUCKET, OwnershipControls=rules)
        mounted.delete_public_access_block(Bucket=self.BUCKET)
        for asked in ({"Tagging": "a=b"}, {"ACL": "public-read"}):
            for ask in (functools.partial(mounted.put_object, Body=b"x"), mounted.create_multipart_upload):
                assert refused(ask, Bucket=self.BUCKET, Key="k", **asked) == ("NotImplemented", 501)
        assert not (folder / "k").exists()

    def test_tells_nobody_where_it_is(self, mounted: Any, server: potager.Local, folder: Path) -> None:
        mounted.delete_public_access_block(Bucket=self.BUCKET)
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{self.BUCKET}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        mounted.put_bucket_policy(Bucket=self.BUCKET, Policy=policy)
        anybody = boto3.client(
            "s3", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
        )
        for asked in ({"Key": "a//b"}, {"Key": "k", "Tagging": "a=b"}, {"Key": "k", "ServerSideEncryption": "AES256"}):
            with pytest.raises(ClientError) as known:
                mounted.put_object(Bucket=self.BUCKET, Body=b"x", **asked)
            assert str(folder) in str(known.value)
            with pytest.raises(ClientError) as unknown:
                anybody.put_object(Bucket=self.BUCKET, Body=b"x", **asked)
            assert unknown.value.response["Error"]["Code"] == known.value.response["Error"]["Code"]
            assert str(folder) not in str(unknown.value)

    def test_passes_over_folders_that_are_too_deep(self, mounted: Any, folder: Path) -> None:
        deep = folder.joinpath(*["d"] * 120)
        deep.mkdir(parents=True)
        (deep / "f").write_bytes(b"x")
        (folder / "last").write_bytes(b"x")
        assert keys(mounted, self.BUCKET) == ["2024.csv", "2024/jan/1.csv", "empty/", "last"]

    def test_is_gone_once_it_is_unmounted(self, server: potager.Local, folder: Path) -> None:
        potager_(server, "mount", "for-a-while", str(folder), "--read-only")
        s3 = server.client("s3", region="us-east-1")
        assert keys(s3, "for-a-while", Prefix="2024/") == ["2024/jan/1.csv"]
        assert refused(s3.put_object, Bucket="for-a-while", Key="a", Body=b"") == ("AccessDenied", 403)
        assert refused(s3.delete_object, Bucket="for-a-while", Key="2024.csv") == ("AccessDenied", 403)
        assert "for-a-while" in potager_(server, "mount")
        potager_(server, "unmount", "for-a-while")
        assert refused(s3.list_objects_v2, Bucket="for-a-while") == ("NoSuchBucket", 404)
        assert (folder / "2024.csv").exists()


class TestAnotherStore:
    BUCKET = "from-afar"

    def test_is_read_and_written_where_it_lies(self, remote: Any, other: potager.Local) -> None:
        there = other.client("s3", region="us-east-1")
        for key in ("raw/a.csv", "raw/b/1.csv", "raw/b/2.csv", "raw/c.csv", "elsewhere"):
            there.put_object(Bucket="lake", Key=key, Body=key.encode(), ContentType="text/csv")
        assert keys(remote, self.BUCKET) == ["a.csv", "b/1.csv", "b/2.csv", "c.csv"]
        assert keys(remote, self.BUCKET, Prefix="b/", PaginationConfig={"PageSize": 1}) == ["b/1.csv", "b/2.csv"]
        folded = remote.list_objects_v2(Bucket=self.BUCKET, Delimiter="/", MaxKeys=2)
        assert [each["Key"] for each in folded["Contents"]] == ["a.csv"]
        assert [each["Prefix"] for each in folded["CommonPrefixes"]] == ["b/"]
        got = remote.get_object(Bucket=self.BUCKET, Key="b/1.csv", Range="bytes=4-5")
        assert (got["Body"].read(), got["ContentType"]) == (b"b/", "text/csv")
        remote.put_object(Bucket=self.BUCKET, Key="new", Body=b"from here", Metadata={"by": "me"})
        assert there.head_object(Bucket="lake", Key="raw/new")["Metadata"] == {"by": "me"}
        remote.delete_object(Bucket=self.BUCKET, Key="new")
        assert refused(remote.head_object, Bucket=self.BUCKET, Key="new") == ("404", 404)

    def test_is_copied_from_and_uploaded_to_in_parts(self, remote: Any, other: potager.Local) -> None:
        data = os.urandom(PART + 1)
        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        remote.upload_fileobj(io.BytesIO(data), self.BUCKET, "big.bin", Config=config)
        there: Any = boto3.client("s3", endpoint_url=other.url, **_keys(other))
        assert there.get_object(Bucket="lake", Key="raw/big.bin")["Body"].read() == data
        remote.create_bucket(Bucket="copies")
        remote.copy({"Bucket": self.BUCKET, "Key": "big.bin"}, "copies", "big.bin", Config=config)
        assert remote.get_object(Bucket="copies", Key="big.bin")["Body"].read() == data

    def test_feeds_a_training_job_and_keeps_its_model(self, remote: Any, server: Any, other: Any) -> None:
        model = trained(server, self.BUCKET)
        assert other.client("s3").head_object(Bucket="lake", Key=f"raw/{model}")["ContentLength"] > 0


def _keys(server: potager.Local) -> dict[str, str]:
    return {
        "aws_access_key_id": server.env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": server.env["AWS_SECRET_ACCESS_KEY"],
        "region_name": "us-east-1",
    }


def test_a_name_that_is_taken_or_is_none_is_refused_with_the_remedy(server: potager.Local, folder: Path) -> None:
    server.client("s3", region="us-east-1").create_bucket(Bucket="taken-by-objects")
    for bucket, said in (
        ("taken-by-objects", "There is a bucket 'taken-by-objects' already. Mount under another name"),
        (str(folder), "is no name for a bucket"),
    ):
        done = CliRunner().invoke(main, ["mount", bucket, str(folder), "--data", str(server.data)])
        assert done.exit_code == 1
        assert said in done.output
    assert "taken-by-objects" not in potager_(server, "mount")


def test_a_store_that_refuses_the_credentials_is_told_with_the_remedy(
    server: potager.Local, other: potager.Local
) -> None:
    options = {"endpoint": other.url, "access_key_id": "AKIANOBODY", "secret_access_key": "not-a-secret"}
    given = [each for name, value in options.items() for each in ("--option", f"{name}={value}")]
    potager_(server, "mount", "refused", "s3://lake/raw", *given)
    s3 = server.client("s3", region="us-east-1")
    try:
        with pytest.raises(ClientError, match="Look at the mount's credentials") as caught:
            s3.list_objects_v2(Bucket="refused")
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
        assert "<?xml" not in str(caught.value)
        assert refused(s3.get_object, Bucket="refused", Key="k") == ("AccessDenied", 403)
    finally:
        potager_(server, "unmount", "refused")
