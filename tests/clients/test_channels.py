"""Channels through boto3: File, FastFile and Pipe; prefixes, manifests and augmented ones; gzip, records, shuffling."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from potager.images.algorithm.recordio import _payloads  # pyright: ignore[reportPrivateUsage]
from tests.clients.road import claims_csv, until, wait_for_job
from tests.clients.scripts import Scripts

LOOK = """
    import json, os, pathlib
    config = json.loads(os.environ["SM_INPUT_DATA_CONFIG"])
    data = pathlib.Path(os.environ["SM_INPUT_DIR"], "data")
    kept = pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"])
    for name, channel in config.items():
        if channel["TrainingInputMode"] == "Pipe":
            for epoch in range(2):
                (kept / f"{name}_{epoch}").write_bytes((data / f"{name}_{epoch}").read_bytes())
        else:
            folder = pathlib.Path(os.environ[f"SM_CHANNEL_{name.upper()}"])
            files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
            (kept / f"{name}.json").write_text(json.dumps(files))
    (kept / "config.json").write_text(json.dumps(config))
"""
OBJECTS = {f"few/{letter}.txt": f"{letter}\n" for letter in "abcdef"}


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    scripts = Scripts(server)
    for key, text in OBJECTS.items():
        scripts.road.put(key, text)
        scripts.road.put(f"packed/{key}.gz", gzip.compress(text.encode()))
    return scripts


def channel(scripts: Scripts, name: str, key: str = "few/", kind: str = "S3Prefix", **members: Any) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": f"s3://{scripts.road.bucket}/{key}", **members.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def kept(scripts: Scripts, name: str, *channels: dict[str, Any], **members: Any) -> dict[str, bytes]:
    """What the script of a job with these channels saw."""
    job = scripts.script(name, {"train.py": LOOK}, InputDataConfig=list(channels), **members)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    return scripts.unpacked(f"output/{job['TrainingJobName']}/output/output.tar.gz")


def records(data: bytes) -> list[str]:
    return [payload.decode() for payload in _payloads(np.frombuffer(data, np.uint8))]


WHOLE = "".join(OBJECTS.values()).encode()


def test_channels_of_every_mode_in_one_job(scripts: Scripts) -> None:
    found = kept(
        scripts,
        "modes",
        channel(scripts, "plain", InputMode="File"),
        channel(scripts, "fast", InputMode="FastFile"),
        channel(scripts, "piped"),
        channel(scripts, "packed", "packed/few/", CompressionType="Gzip"),
        channel(scripts, "framed", RecordWrapperType="RecordIO", ContentType="text/plain"),
        channel(scripts, "both", "packed/few/", CompressionType="Gzip", RecordWrapperType="RecordIO"),
        algorithm={"TrainingInputMode": "Pipe"},
    )
    files = {key.removeprefix("few/"): text for key, text in OBJECTS.items()}
    assert json.loads(found["plain.json"]) == json.loads(found["fast.json"]) == files
    for epoch in (0, 1):
        assert found[f"piped_{epoch}"] == found[f"packed_{epoch}"] == WHOLE
        assert records(found[f"framed_{epoch}"]) == records(found[f"both_{epoch}"]) == list(OBJECTS.values())
    config = json.loads(found["config.json"])
    modes = {name: each["TrainingInputMode"] for name, each in config.items()}
    assert modes == {"plain": "File", "fast": "FastFile"} | dict.fromkeys(("piped", "packed", "framed", "both"), "Pipe")
    assert config["framed"] == {
        "ContentType": "text/plain",
        "RecordWrapperType": "RecordIO",
        "S3DistributionType": "FullyReplicated",
        "TrainingInputMode": "Pipe",
    }


def test_a_shuffled_pipe_has_a_new_order_each_epoch_that_its_seed_brings_back(scripts: Scripts) -> None:
    scripts.road.put(
        "m.json", json.dumps([{"prefix": f"s3://{scripts.road.bucket}/few/"}, *(f"{x}.txt" for x in "fcab")])
    )
    shuffled = {"InputMode": "Pipe", "ShuffleConfig": {"Seed": 11}}
    found = kept(
        scripts,
        "shuffled",
        channel(scripts, "one", **shuffled),
        channel(scripts, "same", **shuffled),
        channel(scripts, "other", InputMode="Pipe", ShuffleConfig={"Seed": 12}),
        channel(scripts, "listed", "m.json", "ManifestFile", InputMode="Pipe"),
        channel(scripts, "mixed", "m.json", "ManifestFile", **shuffled),
    )
    epochs = [found[f"one_{epoch}"] for epoch in (0, 1)]
    assert epochs == [found[f"same_{epoch}"] for epoch in (0, 1)] != [found[f"other_{epoch}"] for epoch in (0, 1)]
    assert len({WHOLE, *epochs}) == 3
    assert {bytes(sorted(each)) for each in epochs} == {bytes(sorted(WHOLE))}
    assert found["listed_0"] == found["listed_1"] == b"f\nc\na\nb\n"
    assert sorted(found["mixed_0"].split()) == [b"a", b"b", b"c", b"f"]


def test_an_augmented_manifest_streams_its_attributes_in_their_order(scripts: Scripts) -> None:
    lines = [{"label": n, "source-ref": f"s3://{scripts.road.bucket}/few/{x}.txt", "n": x} for n, x in enumerate("cab")]
    scripts.road.put("a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    given = {"InputMode": "Pipe", "source": {"AttributeNames": ["source-ref", "label"]}}
    found = kept(
        scripts,
        "augmented",
        channel(scripts, "framed", "a.jsonl", "AugmentedManifestFile", RecordWrapperType="RecordIO", **given),
        channel(scripts, "plain", "a.jsonl", "AugmentedManifestFile", **given),
        channel(
            scripts,
            "shuffled",
            "a.jsonl",
            "AugmentedManifestFile",
            RecordWrapperType="RecordIO",
            ShuffleConfig={"Seed": 5},
            **given,
        ),
    )
    assert records(found["framed_0"]) == records(found["framed_1"]) == ["c\n", "0", "a\n", "1", "b\n", "2"]
    assert found["plain_0"] == b"c\n0a\n1b\n2"
    pairs = records(found["shuffled_0"])
    assert sorted(zip(pairs[::2], pairs[1::2], strict=True)) == [("a\n", "1"), ("b\n", "2"), ("c\n", "0")]


SHARE = """
    import json, os, pathlib
    host, data = os.environ["SM_CURRENT_HOST"], pathlib.Path(os.environ["SM_INPUT_DIR"], "data")
    seen = {name: sorted(os.listdir(data / name)) for name in ("dealt", "whole", "few")}
    for name in ("piped", "mixed"):
        seen[name] = [(data / f"{name}_{epoch}").read_text().split() for epoch in range(3)]
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], f"{host}.json").write_text(json.dumps(seen))
"""


def test_instances_share_the_objects_of_a_sharded_channel(scripts: Scripts) -> None:
    scripts.road.put("lone/only.txt", "x")
    sharded = {"source": {"S3DataDistributionType": "ShardedByS3Key"}}
    job = scripts.script(
        "sharded",
        {"train.py": SHARE},
        InputDataConfig=[
            channel(scripts, "dealt", **sharded),
            channel(scripts, "whole"),
            channel(scripts, "few", "lone/", **sharded),
            channel(scripts, "piped", InputMode="Pipe", **sharded),
            channel(scripts, "mixed", InputMode="Pipe", ShuffleConfig={"Seed": 3}, **sharded),
        ],
        instances=2,
    )
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    found = scripts.unpacked(f"output/{job['TrainingJobName']}/output/output.tar.gz")
    first, second = (json.loads(found[f"algo-{host}.json"]) for host in (1, 2))
    assert (first["dealt"], second["dealt"]) == (["a.txt", "c.txt", "e.txt"], ["b.txt", "d.txt", "f.txt"])
    assert first["whole"] == second["whole"] == [f"{letter}.txt" for letter in "abcdef"]
    assert (first["few"], second["few"]) == (["only.txt"], [])
    assert (first["piped"], second["piped"]) == ([list("ace")] * 3, [list("bdf")] * 3)
    for mine, other in zip(first["mixed"], second["mixed"], strict=True):
        assert sorted(mine + other) == list("abcdef")
    assert len({"".join(sorted(each)) for each in first["mixed"]}) > 1


PIPED = {"InputMode": "Pipe"}
ATTRIBUTES = {"source": {"AttributeNames": ["label"]}}


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        pytest.param(
            [("c", "few/", "S3Prefix", {"CompressionType": "Gzip"})],
            "Invalid compression type for channel c: File mode only supports NONE, got Gzip instead",
            id="gzip",
        ),
        pytest.param(
            [("c", "few/", "S3Prefix", {"RecordWrapperType": "RecordIO", "InputMode": "FastFile"})],
            "Invalid record wrapper type for channel c: FastFile mode only supports NONE, got RecordIO instead",
            id="records",
        ),
        pytest.param(
            [("c", "few/a.txt", "AugmentedManifestFile", ATTRIBUTES)],
            "AugmentedManifestFile only supports Pipe mode, got File instead",
            id="augmented-file",
        ),
        pytest.param(
            [("c", "few/a.txt", "AugmentedManifestFile", ATTRIBUTES | {"InputMode": "FastFile"})],
            "AugmentedManifestFile only supports Pipe mode, got FastFile instead",
            id="augmented-fast-file",
        ),
        pytest.param(
            [("c", "few/a.txt", "AugmentedManifestFile", PIPED)],
            "AugmentedManifestFile and no AttributeNames",
            id="no-attributes",
        ),
        pytest.param(
            [("c", "few/", "S3Prefix", ATTRIBUTES)], "only S3DataType AugmentedManifestFile takes", id="attributes"
        ),
        pytest.param(
            [("c", "absent", "AugmentedManifestFile", ATTRIBUTES | PIPED)], "no object 'absent'", id="absent-augmented"
        ),
        pytest.param([("c", "absent", "ManifestFile", {})], "no object 'absent'", id="absent-manifest"),
        pytest.param(
            [("c", "few/", "S3Prefix", PIPED), ("c_0", "few/", "S3Prefix", {})],
            "Channel c_0 has the name of a pipe of channel c",
            id="name-of-a-pipe",
        ),
    ],
)
def test_what_no_channel_can_be_is_refused_when_the_job_is_created(
    scripts: Scripts, request: pytest.FixtureRequest, channels: list[tuple[str, str, str, Any]], said: str
) -> None:
    given = [channel(scripts, name, key, kind, **members) for name, key, kind, members in channels]
    with pytest.raises(ClientError) as refused:
        scripts.start(request.node.callspec.id, algorithm={"ContainerEntrypoint": ["true"]}, InputDataConfig=given)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert said in refused.value.response["Error"]["Message"]


def failure(scripts: Scripts, name: str, given: dict[str, Any]) -> str:
    job = scripts.script(name, {"train.py": LOOK}, InputDataConfig=[given])
    assert job["TrainingJobStatus"] == "Failed"
    return job["FailureReason"]


def test_a_manifest_that_names_an_absent_object_fails_the_job_by_its_name(scripts: Scripts) -> None:
    scripts.road.put("bad.json", json.dumps([{"prefix": f"s3://{scripts.road.bucket}/few/"}, "a.txt", "z.txt"]))
    assert failure(scripts, "absent-one", channel(scripts, "c", "bad.json", "ManifestFile")) == (
        f"ClientError: Data download failed: There is no object 'few/z.txt' in bucket '{scripts.road.bucket}'."
    )


def test_a_line_without_an_attribute_fails_the_job_by_its_number(scripts: Scripts) -> None:
    scripts.road.put("bad.jsonl", '{"label": 1}\n{"table": 2}\n')
    given = channel(scripts, "c", "bad.jsonl", "AugmentedManifestFile", **ATTRIBUTES, **PIPED)
    assert "Line 2 of the augmented manifest" in failure(scripts, "no-label", given)


def test_a_pipe_of_what_is_not_packed_fails_the_job_and_does_not_hang(scripts: Scripts) -> None:
    said = failure(scripts, "not-packed", channel(scripts, "c", CompressionType="Gzip", **PIPED))
    assert said.startswith(
        f"ClientError: Data download failed: Channel 'c': s3://{scripts.road.bucket}/few/a.txt could not be unpacked"
    )


@pytest.mark.parametrize("packed", [False, True])
def test_linear_learner_reads_pipes(scripts: Scripts, packed: bool) -> None:
    road = scripts.road
    text = claims_csv(600, seed=random.Random(1).randrange(100))
    road.put(f"rows-{packed}/1.csv", gzip.compress(text.encode()) if packed else text)
    given = road.channel("train", f"rows-{packed}/") | PIPED | ({"CompressionType": "Gzip"} if packed else {})
    job = road.train(f"piped-{packed}", channels=[given, road.channel("validation")])
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert any("Channel 'train': 600 rows of 4 features" in line for line in scripts.lines(job))


def test_a_piped_job_has_what_was_there_when_it_began(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    train = """
        import os, pathlib, boto3
        data = pathlib.Path(os.environ["SM_INPUT_DIR"], "data")
        first = (data / "c_0").read_bytes()
        s3 = boto3.client("s3")
        s3.delete_object(Bucket=os.environ["BUCKET"], Key="few/a.txt")
        s3.put_object(Bucket=os.environ["BUCKET"], Key="few/b.txt", Body=b"changed")
        again = (data / "c_1").read_bytes()
        pathlib.Path(os.environ["SM_MODEL_DIR"], "seen").write_text(f"{first} {again}")
    """
    for key in ("few/a.txt", "few/b.txt"):
        scripts.road.put(key, key)
    job = scripts.script(
        "began",
        {"train.py": train},
        InputDataConfig=[channel(scripts, "c", **PIPED)],
        Environment={"BUCKET": scripts.road.bucket},
    )
    seen = scripts.unpacked(f"output/{job['TrainingJobName']}/output/model.tar.gz")["seen"].decode()
    assert seen == "b'few/a.txtfew/b.txt' b'few/a.txtfew/b.txt'"


def test_a_killed_server_leaves_the_pipes_of_its_jobs_flowing(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    train = """
        import os, pathlib, time, boto3
        from botocore.config import Config
        data = pathlib.Path(os.environ["SM_INPUT_DIR"], "data")
        seen = [(data / "c_0").read_text()]
        s3 = boto3.client("s3", config=Config(retries={"max_attempts": 50}))
        s3.put_object(Bucket=os.environ["BUCKET"], Key="here", Body=b"")
        with (data / "c_1").open() as pipe:
            while not pathlib.Path(os.environ["SM_MODEL_DIR"], "go").exists():
                time.sleep(0.01)
            seen.append(pipe.read())
        seen.append((data / "c_2").read_text())
        pathlib.Path(os.environ["SM_MODEL_DIR"], "seen").write_text(repr(seen))
    """
    scripts.road.put("few/a.txt", "a")
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": scripts.source("flow", {"train.py": train})}
    name = scripts.start(
        "flow",
        HyperParameters=given,
        InputDataConfig=[channel(scripts, "c", **PIPED)],
        Environment={"BUCKET": scripts.road.bucket},
    )
    until(lambda: scripts.road.s3.list_objects_v2(Bucket=scripts.road.bucket, Prefix="here")["KeyCount"], "the job")
    fresh_server.kill()
    (folder,) = (fresh_server.data / "jobs").glob("job-*")
    (folder / "ml" / "model" / "go").touch()
    fresh_server.start()
    job = wait_for_job(scripts.road.sagemaker, name)
    seen = scripts.unpacked(f"output/{name}/output/model.tar.gz")["seen"].decode()
    assert (job["TrainingJobStatus"], seen) == ("Completed", "['a', 'a', 'a']")
