"""Workloads that read from named pipes: what they are fed, epoch by epoch, and what becomes of the feeder."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potager.compute.process import limits, recordio
from potager.compute.workload import Running, Workload
from potager.images.algorithm.recordio import _payloads  # pyright: ignore[reportPrivateUsage]
from potager.kernel.pipes import Pipe

MAGIC = recordio.MAGIC


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


def piped(bench: Any, program: str, *contents: bytes, **members: Any) -> Workload:
    """A workload whose channel `train` holds these files, one an item."""
    items = [[{"file": str(number), "of": f"s3://claims/{number}"}] for number in range(len(contents))]
    return planned(bench, program, items, contents, **members)


def planned(bench: Any, program: str, items: list[Any], contents: tuple[bytes, ...], **members: Any) -> Workload:
    work: Workload = bench.make(program)
    folder = work.folder / "pipes" / "train"
    folder.mkdir(parents=True)
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    (folder / "plan").write_text("".join(json.dumps(item) + "\n" for item in items))
    pipe = Pipe("input/data/train", folder / "plan", **members)
    changed = {name: getattr(work, name) for name in ("id", "folder", "entry", "log", "grace", "hidden")}
    made = Workload(**changed, pipes=(pipe,))
    bench.made[-1] = made
    return made


async def passes(bench: Any, work: Workload) -> list[bytes]:
    """What a program read in three epochs."""
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "exited"), bench.lines(work)
    return [(work.ml / "output" / f"epoch-{number}").read_bytes() for number in range(3)]


async def test_every_epoch_is_a_whole_pass(bench: Any) -> None:
    assert await passes(bench, piped(bench, "read_pipes", b"one\n", b"", b"two\n")) == [b"one\ntwo\n"] * 3


async def test_the_next_pipe_is_there_while_one_is_read_and_the_last_one_is_gone(bench: Any) -> None:
    work = piped(bench, "list_pipes", b"x" * 3_000_000)
    assert (await bench.finish(work)).code == 0, bench.lines(work)
    seen = json.loads((work.ml / "output" / "found.json").read_text())
    assert seen == [["train", "train_0"], ["train", "train_0", "train_1"], ["train", "train_1"]]


async def test_a_shuffled_channel_has_a_new_order_each_epoch_and_the_same_one_again(bench: Any) -> None:
    contents = [bytes([65 + number]) for number in range(12)]
    one = await passes(bench, piped(bench, "read_pipes", *contents, seed=4))
    assert [sorted(each) for each in one] == [sorted(b"".join(contents))] * 3
    assert len(set(one)) == 3
    assert await passes(bench, piped(bench, "read_pipes", *contents, seed=4)) == one
    assert await passes(bench, piped(bench, "read_pipes", *contents, seed=5)) != one


async def test_hosts_share_an_epoch_and_mix_their_shares_when_shuffled(bench: Any) -> None:
    contents = [bytes([65 + number]) for number in range(8)]
    plain = [await passes(bench, piped(bench, "read_pipes", *contents, host=host, hosts=2)) for host in (0, 1)]
    assert plain == [[b"ACEG"] * 3, [b"BDFH"] * 3]
    mixed = [await passes(bench, piped(bench, "read_pipes", *contents, host=host, hosts=2, seed=1)) for host in (0, 1)]
    for first, second in zip(*mixed, strict=True):
        assert sorted(first + second) == sorted(b"".join(contents))
    assert len({bytes(sorted(each)) for each in mixed[0]}) > 1


async def test_an_empty_share_is_an_empty_pipe(bench: Any) -> None:
    assert await passes(bench, piped(bench, "read_pipes", b"one", host=1, hosts=2)) == [b""] * 3


async def test_gzip_is_unpacked_on_the_way(bench: Any) -> None:
    packed = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert (
        await passes(bench, piped(bench, "read_pipes", packed, gzip.compress(b"3"), gzip=True)) == [b"one\ntwo\n3"] * 3
    )


async def test_objects_become_records(bench: Any) -> None:
    contents = (b"", b"five!", os.urandom(2_500_001))
    packed = tuple(gzip.compress(content, 1) for content in contents)
    for given, unpack in ((contents, False), (packed, True)):
        read = await passes(bench, piped(bench, "read_pipes", *given, record=True, gzip=unpack))
        assert records(read[2]) == list(contents)


async def test_the_parts_of_an_item_are_records_of_their_own_and_stay_together(bench: Any) -> None:
    items = [[{"file": "0", "of": "s3://b/0"}, "café"], ["", {"file": "1", "of": "s3://b/1"}]]
    read = await passes(bench, planned(bench, "read_pipes", items, (b"image", b"other"), record=True, seed=2))
    texts = ["image", "café", "", "other"]
    for each in read:
        found = [payload.decode() for payload in records(each)]
        assert found in (texts, texts[2:] + texts[:2])
    assert (await passes(bench, planned(bench, "read_pipes", items, (b"image", b"other"))))[
        0
    ].decode() == "imagecaféother"


def records(data: bytes) -> list[bytes]:
    return _payloads(np.frombuffer(data, np.uint8))


@pytest.mark.parametrize(
    "payload",
    [
        MAGIC,
        MAGIC * 3,
        b"abcd" + MAGIC + b"e",
        b"abc" + MAGIC + b"defgh",
        bytes(recordio.CHUNK - 4) + MAGIC + b"x",
        bytes(recordio.CHUNK - 2) + MAGIC + b"x",
        b"",
    ],
    ids=range(7),
)
def test_a_payload_that_holds_the_magic_number_comes_back_whole(payload: bytes) -> None:
    framed = b"".join(recordio.framed(io.BytesIO(payload), io.BytesIO(payload)))
    assert len(framed) % 4 == 0
    assert records(framed + framed) == [payload, payload]
    words = framed[8:]
    assert struct.unpack("<I", framed[4:8])[0] >> 29 or MAGIC not in [words[at : at + 4] for at in range(0, 64, 4)]


def test_a_record_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordio, "LARGEST", 10)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        list(recordio.framed(io.BytesIO(bytes(11)), io.BytesIO(bytes(11))))


async def test_a_reader_that_closes_early_finds_the_next_epoch_whole(bench: Any) -> None:
    work = piped(bench, "peek_at_pipes", b"x" * 5_000_000)
    assert (await bench.finish(work)).code == 0, bench.lines(work)
    assert json.loads((work.ml / "output" / "found.json").read_text()) == 5_000_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip at all", "s3://claims/1 could not be unpacked by gzip: Not a gzipped file"),
        (gzip.compress(bytes(100_000))[:-20], "s3://claims/1 could not be unpacked by gzip: Compressed file ended"),
    ],
)
async def test_what_cannot_be_unpacked_ends_the_program_with_the_reason(bench: Any, content: bytes, said: str) -> None:
    work = piped(bench, "read_pipes", gzip.compress(b"fine"), content, gzip=True)
    end = await bench.finish(work)
    assert end.reason == "input"
    assert end.detail.startswith(f"Channel 'train': {said}")
    assert bench.lines(work)[-1] == f"Potager could not feed this program. {end.detail}"


async def test_a_file_that_is_gone_ends_the_program_with_the_reason(bench: Any) -> None:
    work = piped(bench, "read_pipes", b"x")
    (work.folder / "pipes" / "train" / "0").unlink()
    end = await bench.finish(work)
    assert end.reason == "input"
    assert "s3://claims/0 could not be read" in end.detail


async def test_a_feeder_that_dies_ends_its_program(bench: Any) -> None:
    work = piped(bench, "hang", b"x")
    await bench.begin(work)
    seen = bench.executor.observe(work.folder)
    assert isinstance(seen, Running)
    os.kill(feeder(seen.pid), 9)
    end = await bench.executor.wait(work.folder)
    assert (end.reason, end.detail) == ("input", "The process that feeds the pipes has died.")


def feeder(shim: int) -> int:
    """The shim's child that has no children itself: the keeper has the program."""
    children = [pid for pid in limits.descendants(shim) if parent(pid) == shim]
    return next(pid for pid in children if not limits.descendants(pid))


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("how", ["stopped", "shim killed"])
async def test_no_feeder_outlives_its_workload(bench: Any, gone: Callable[[list[int]], Any], how: str) -> None:
    work = piped(bench, "hang", b"x")
    handles = await bench.begin(work)
    assert len(handles) == 3  # feeder, keeper, program
    if how == "stopped":
        bench.executor.stop(work.folder)
    else:
        os.kill(bench.executor.observe(work.folder).pid, 9)
    await gone(handles)


async def test_the_program_does_not_see_its_feeder_nor_what_that_reads(bench: Any, isolate: bool) -> None:
    if not isolate:
        pytest.skip("a plain process sees what its user sees")
    work = piped(bench, "look_around", b"x")
    assert (await bench.finish(work)).code == 0, bench.lines(work)
    seen = json.loads((work.ml / "output" / "found.json").read_text())
    assert seen == {"pids": [1, 2], "writes": "OSError", "pipes": False}


async def test_the_feeder_writes_nowhere_that_the_program_points_to(bench: Any, tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_bytes(b"mine")
    work = piped(bench, "swap_pipes", b"x")
    object.__setattr__(work, "environment", {"AIM": str(aim)})
    await bench.finish(work)
    assert aim.read_bytes() == b"mine"
