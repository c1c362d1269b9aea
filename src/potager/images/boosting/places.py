"""Where a job's tables are: two channels, or JumpStart's one channel with a folder for each table.

train/ or training/, validation/          a channel a table
training/train/, training/validation/     a channel with both
categorical_index.json                    beside the train table, or beside its folder
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job

INDEX = "categorical_index.json"
_NAMES = ("train", "training")
_KINDS = ("", "text/csv", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True)
class Place:
    """A table's files, and how messages call them."""

    channel: str
    folder: Path

    def files(self) -> Iterator[tuple[Path, str]]:
        """Each file that holds rows, and its name for messages; JSON, hidden and empty files are none."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.stat().st_size and path.name[0] not in "._" and path.suffix != ".json":
                yield path, f"{self.channel}/{path.relative_to(self.folder)}"


@dataclass(frozen=True)
class Places:
    """The tables of a job; `categorical` are columns counted from 0, which is the target."""

    train: Place
    validation: Place | None
    categorical: tuple[int, ...]


def places(job: Job, algorithm: str) -> Places:
    """What the job's channels hold; `ClientError` where that is no table to train on."""
    if len(job.hosts) > 1:
        raise ClientError(f"{algorithm} trains on one instance, but the job has {len(job.hosts)}. Set it to 1.")
    given = [name for name in _NAMES if job.has(name)]
    if len(given) != 1:
        state = "has both channels 'train' and 'training'" if given else "has no channel 'train' (or 'training')"
        raise ClientError(f"The job {state}. Give it one of them in InputDataConfig.")
    for name in (given[0], "validation"):
        _refuse_other_kinds(job, name, algorithm)
    root = job.folder(given[0])
    whole = (root / "train").is_dir()
    train = Place(f"{given[0]}/train" if whole else given[0], root / "train" if whole else root)
    return Places(train, _validation(job, given[0], whole), _categorical({root, train.folder}, given[0]))


def _validation(job: Job, channel: str, whole: bool) -> Place | None:
    if job.has("validation"):
        return Place("validation", job.folder("validation"))
    folder = job.folder(channel) / "validation"
    return Place(f"{channel}/validation", folder) if whole and folder.is_dir() else None


def _refuse_other_kinds(job: Job, channel: str, algorithm: str) -> None:
    config = job.channels.get(channel) or {}
    kind = str(config.get("ContentType") or "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise ClientError(f"{channel}: ContentType '{kind}' cannot be trained on. {algorithm} reads text/csv.")
    if config.get("TrainingInputMode") == "Pipe":
        raise ClientError(f"{channel}: {algorithm} reads files, not pipes. Set TrainingInputMode to File or FastFile.")


def _categorical(folders: set[Path], channel: str) -> tuple[int, ...]:
    found = [folder / INDEX for folder in sorted(folders) if (folder / INDEX).is_file()]
    if not found:
        return ()
    if len(found) > 1:
        raise ClientError(f"{channel} has two files {INDEX}. Keep the one beside the data.")
    try:
        content: Any = json.loads(found[0].read_text(encoding="utf-8"))
        columns: Any = content["cat_index_list"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{channel}/{INDEX} cannot be read: {error}. {_WANTED}") from error
    if not _indexes(columns):
        raise ClientError(f"{channel}/{INDEX}: cat_index_list is {json.dumps(columns)[:60]}. {_WANTED}")
    return tuple(sorted(set(columns)))


def _indexes(columns: Any) -> bool:
    return isinstance(columns, list) and all(type(one) is int and one > 0 for one in columns)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


_WANTED = 'It must be {"cat_index_list": [1, 4]}: the columns that are categories, counted from 0, which is the target.'
