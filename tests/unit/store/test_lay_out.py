"""How the objects of a channel come to stand in a job's folder: all of them, a share, or behind pipes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.names import Scope
from potager.kernel.pipes import Pipe, order
from potager.store.blobs import Blobs
from potager.store.inputs import lay_out, piped
from potager.store.manifests import BadInput
from potager.store.objects import NoObject, Objects

KEYS = [f"train/{number}.csv" for number in range(5)]


@pytest.fixture
async def bucket(objects: Objects, blobs: Blobs) -> str:
    """A bucket that holds KEYS, each its own name."""
    await objects.create_bucket("claims", Scope("000000000000", "us-east-1"))
    for key in KEYS:
        await objects.put("claims", key, await blobs.write(key.encode()))
    return "claims"


async def store(objects: Objects, blobs: Blobs, key: str, text: str) -> str:
    await objects.put("claims", key, await blobs.write(text.encode()))
    return f"s3://claims/{key}"


def channel(uri: str = "s3://claims/train/", kind: str = "S3Prefix", **members: Any) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, **members.pop("source", {})}
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}, **members}


SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}


def files(ml: Path) -> list[str]:
    return sorted(os.listdir(ml / "input" / "data" / "train"))


async def shares(objects: Objects, path: Path, hosts: int, **members: Any) -> list[list[str]]:
    for host in range(hosts):
        await lay_out(objects, [channel(**members)], path / str(host), host, hosts)
    return [files(path / str(host)) for host in range(hosts)]


async def test_files_are_links(objects: Objects, bucket: str, tmp_path: Path) -> None:
    await lay_out(objects, [channel()], tmp_path / "ml", mode="FastFile")
    assert piped(tmp_path / "ml") == []
    blob = (await objects.head(bucket, KEYS[0])).blob
    linked = tmp_path / "ml" / "input" / "data" / "train" / "0.csv"
    assert os.path.samefile(linked, tmp_path / "blobs" / blob[:2] / blob)


async def test_a_replicated_channel_is_everybody_s(objects: Objects, bucket: str, tmp_path: Path) -> None:
    whole = [f"{number}.csv" for number in range(5)]
    assert await shares(objects, tmp_path, 2) == [whole, whole]


async def test_a_sharded_channel_is_dealt_out_by_key(objects: Objects, bucket: str, tmp_path: Path) -> None:
    dealt = [["0.csv", "2.csv", "4.csv"], ["1.csv", "3.csv"]]
    assert await shares(objects, tmp_path, 2, source=SHARDED) == dealt


async def test_a_host_more_than_objects_gets_an_empty_folder(objects: Objects, bucket: str, tmp_path: Path) -> None:
    dealt = await shares(objects, tmp_path, 6, source=SHARDED)
    assert [len(share) for share in dealt] == [1, 1, 1, 1, 1, 0]


async def test_a_shuffled_channel_is_dealt_out_shuffled(objects: Objects, bucket: str, tmp_path: Path) -> None:
    one = await shares(objects, tmp_path / "a", 2, source=SHARDED, ShuffleConfig={"Seed": 3})
    again = await shares(objects, tmp_path / "b", 2, source=SHARDED, ShuffleConfig={"Seed": 3})
    assert one == again != await shares(objects, tmp_path / "c", 2, source=SHARDED)
    assert sorted(one[0] + one[1]) == [f"{number}.csv" for number in range(5)]


async def test_a_manifest_is_dealt_out_in_its_order(
    objects: Objects, blobs: Blobs, bucket: str, tmp_path: Path
) -> None:
    text = json.dumps([{"prefix": "s3://claims/train/"}, "4.csv", "1.csv", "0.csv"])
    uri = await store(objects, blobs, "m.json", text)
    assert await shares(objects, tmp_path, 2, uri=uri, kind="ManifestFile", source=SHARDED) == [
        ["0.csv", "4.csv"],
        ["1.csv"],
    ]


async def test_a_manifest_that_names_what_is_not_there_says_what(
    objects: Objects, blobs: Blobs, bucket: str, tmp_path: Path
) -> None:
    uri = await store(objects, blobs, "m.json", '[{"prefix": "s3://claims/train/"}, "0.csv", "absent.csv"]')
    with pytest.raises(NoObject, match=r"no object 'train/absent\.csv' in bucket 'claims'"):
        await lay_out(objects, [channel(uri, "ManifestFile")], tmp_path / "ml")


def items(pipe: Pipe) -> list[Any]:
    """The plan of a pipe, each file by what it holds."""
    lines = [json.loads(line) for line in pipe.plan.read_text().splitlines()]
    return [[part if isinstance(part, str) else read(pipe, part) for part in item] for item in lines]


def read(pipe: Pipe, part: dict[str, str]) -> tuple[str, str]:
    return part["of"], (pipe.plan.parent / part["file"]).read_text()


async def test_pipes_are_fed_from_links_that_the_program_does_not_see(
    objects: Objects, bucket: str, tmp_path: Path
) -> None:
    given = channel(
        source=SHARDED,
        InputMode="Pipe",
        ShuffleConfig={"Seed": 9},
        RecordWrapperType="RecordIO",
        CompressionType="Gzip",
    )
    await lay_out(objects, [given], tmp_path / "ml", 1, 2)
    (pipe,) = piped(tmp_path / "ml")
    plan = tmp_path / "pipes" / "train" / "plan"
    assert pipe == Pipe("input/data/train", plan, record=True, gzip=True, seed=9, host=1, hosts=2)
    assert items(pipe) == [[(f"s3://claims/{key}", key)] for key in KEYS]
    assert not (tmp_path / "ml" / "input" / "data" / "train").exists()
    blob = (await objects.head(bucket, KEYS[0])).blob
    assert os.path.samefile(plan.parent / "0", tmp_path / "blobs" / blob[:2] / blob)


LINES = """{"source-ref": "s3://claims/train/0.csv", "label": 1, "name": "caf\\u00e9", "box": {"top": 1.5}}

{"name": "", "box": [], "label": null, "source-ref": "s3://claims/train/0.csv"}
"""


def augmented(uri: str, *names: str) -> dict[str, Any]:
    return channel(uri, "AugmentedManifestFile", source={"AttributeNames": list(names)}, InputMode="Pipe")


async def test_an_augmented_manifest_is_a_record_a_line_with_the_attributes_asked_for(
    objects: Objects, blobs: Blobs, bucket: str, tmp_path: Path
) -> None:
    uri = await store(objects, blobs, "m.jsonl", LINES)
    await lay_out(objects, [augmented(uri, "label", "source-ref", "box", "name")], tmp_path / "ml")
    (pipe,) = piped(tmp_path / "ml")
    image = ("s3://claims/train/0.csv", "train/0.csv")
    assert items(pipe) == [["1", image, '{"top":1.5}', "café"], ["null", image, "[]", ""]]
    assert sorted(os.listdir(pipe.plan.parent)) == ["0", "pipe.json", "plan"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"label": 1}\n{"source-ref": "s3://claims/train/0.csv"}', "Line 1 .* has no attribute 'source-ref'"),
        ("\n[1]", "Line 2 of the augmented manifest s3://claims/m.jsonl is not a JSON object"),
        ("{", "Line 1 .* is not a JSON object"),
        ('{"source-ref": 3}', "'source-ref' is 3; its name says that it is an S3 URI"),
        ('{"source-ref": "claims/train"}', "not an S3 URI"),
        ('{"source-ref": "s3://claims/absent"}', "no object 'absent'"),
        ("\n\n", "has no lines"),
    ],
)
async def test_a_bad_augmented_manifest_says_where(
    objects: Objects, blobs: Blobs, bucket: str, tmp_path: Path, text: str, said: str
) -> None:
    uri = await store(objects, blobs, "m.jsonl", text)
    with pytest.raises((BadInput, NoObject), match=said):
        await lay_out(objects, [augmented(uri, "source-ref")], tmp_path / "ml")


def test_shares_of_every_epoch_are_a_whole_pass() -> None:
    for epoch in range(3):
        dealt = [list(order(10, 5, epoch, host, 3)) for host in range(3)]
        assert sorted(number for share in dealt for number in share) == list(range(10))
    assert list(order(10, 5, 0)) != list(order(10, 5, 1))
    assert list(order(10, 5, 1)) == list(order(10, 5, 1)) != list(order(10, 6, 1))
