"""What an endpoint can be asked: rows of the data that its model has learned from, and of any object.

endpoint ─► configuration ─► model ─► artifact ─► training job ─► its channel ─► the first rows
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.tabular import applying
from potager.kernel.errors import WireError
from potager.studio import s3
from potager.studio.asking import Asking
from potager.studio.cells import numeric
from potager.studio.training import places

HEAD = 64 * 1024
"""Bytes of an object that are looked at for an example."""
MOST = 4 * 2**20
"""Bytes of an object that rows are taken from."""
MOST_FIELDS = 60
"""Columns that have a field of their own."""
UNLABELLED = ("kmeans", "pca", "randomcutforest", "ipinsights")
"""Algorithms whose channels have no label, unless they say so."""


@dataclass(frozen=True)
class Example:
    """What a form begins with.

    Parameters
    ----------
    content_type, body : a request that the model takes. columns : the names of its features, where they are known.
    uri : the object that it comes from. job : the training job. recipe : what made its features of a raw table's
    columns, `raw` (`images/tabular`); empty where Studio did not.
    """

    content_type: str = "text/csv"
    body: str = ""
    columns: tuple[str, ...] = ()
    uri: str = ""
    job: str = ""
    label: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict[str, Any])
    raw: tuple[applying.Field, ...] = ()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """A name and a value for each column, where there are few enough."""
        values = next(csv.reader([self.body.partition("\n")[0]]), list[str]())
        if self.content_type != "text/csv" or not 0 < len(values) <= MOST_FIELDS:
            return []
        fits = len(self.columns) == len(values)
        names = self.columns if fits else tuple(f"feature {place}" for place in range(1, len(values) + 1))
        return list(zip(names, values, strict=False))


async def of_endpoint(ask: Asking, found: Mapping[str, Any]) -> Example:
    """An example for an endpoint; an empty one where nothing is known of what its model has learned from."""
    try:
        config = await ask("sagemaker", "DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"])
        model = next((each["ModelName"] for each in config["ProductionVariants"] if each.get("ModelName")), None)
        return await of_model(ask, model) if model else Example()
    except WireError:
        return Example()


async def of_model(ask: Asking, name: str) -> Example:
    """An example for a model, out of the training job that made its artifact."""
    model = await ask("sagemaker", "DescribeModel", ModelName=name)
    containers: list[dict[str, Any]] = (
        [model["PrimaryContainer"]] if "PrimaryContainer" in model else model["Containers"]
    )
    trained = trained_in(containers[0].get("ModelDataUrl") or "")
    return await of_job(ask, trained) if trained else Example()


async def of_job(ask: Asking, trained: str) -> Example:
    """An example out of what a training job has learned from."""
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=trained)
    channels = {each["ChannelName"]: each for each in job.get("InputDataConfig", ())}
    channel = channels.get("train") or channels.get("training") or next(iter(channels.values()), None)
    if channel is None or "S3DataSource" not in channel.get("DataSource", {}):
        return Example(job=trained)
    uri = await _first(ask, channel["DataSource"]["S3DataSource"])
    kind = channel.get("ContentType") or ("text/csv" if uri.endswith(".csv") else "")
    if not uri or not kind.startswith("text/csv"):
        return Example(job=trained)
    image = job["AlgorithmSpecification"].get("TrainingImage", "")
    unlabelled = any(f"/{each}:" in f"{image}:" for each in UNLABELLED)
    label = "label_size=1" in kind or not (unlabelled or "label_size=0" in kind)
    names, values = rows(await head(ask, uri, HEAD), 1, header=None, label=label)
    example = Example("text/csv", values, tuple(names), uri, trained, label)
    return example if names else await _with_recipe(ask, example)


def trained_in(uri: str) -> str:
    """The training job whose artifact that is, by its place; "" where it has no such place.

    >>> trained_in("s3://bucket/output/claims-1/output/model.tar.gz")
    'claims-1'
    """
    found = re.search(r"/([^/]+)/output/model\.tar\.gz$", uri)
    return found[1] if found else ""


async def _with_recipe(ask: Asking, example: Example) -> Example:
    """The names of the features, out of the recipe beside a channel's folder that was made of a raw table.

    Anybody may have written the object: what is no recipe is passed over, and one that has other columns, or less of
    them than rows are made of, gives the names alone.
    """
    try:
        home = example.uri.rpartition("/")[0].rpartition("/")[0]
        recipe = json.loads(await head(ask, f"{home}/recipe/recipe.json", MOST))
        example = replace(example, columns=tuple(str(name) for name in recipe["features"]))
    except (WireError, ValueError, KeyError, TypeError):
        return example
    try:
        raw = applying.fields(recipe)
        applying.row(recipe, {one.name: one.value for one in raw})
    except (ArithmeticError, AttributeError, ClientError, KeyError, TypeError, ValueError):
        return example
    return replace(example, recipe=recipe, raw=tuple(raw))


async def _first(ask: Asking, source: Mapping[str, Any]) -> str:
    """The first object of a channel that holds data; "" where none does."""
    if source.get("S3DataType", "S3Prefix") != "S3Prefix":
        return ""
    bucket, prefix = s3.split(source["S3Uri"])
    key = await places.first(ask, bucket, prefix)
    return f"s3://{bucket}/{key}" if key else ""


async def head(ask: Asking, uri: str, most: int) -> bytes:
    """The first bytes of an object, whole lines of it where it has more."""
    data = await s3.beginning(ask, uri, most)
    return data if len(data) < most else data.rpartition(b"\n")[0]


def rows(data: bytes, number: int, *, header: bool | None, label: bool) -> tuple[list[str], str]:
    """The names of the columns, where there is a header, and the first rows as CSV, without the label before them.

    header : whether the first line is one; None where that is to be seen from its values.
    """
    lines = list(islice(csv.reader(io.StringIO(data.decode("utf-8", "replace"))), number + 1))
    lines = [line for line in lines if line]
    if header is None:
        header = len(lines) > 1 and _names(lines[0]) and not _names(lines[1])
    names = lines.pop(0) if header and lines else []
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(line[label:] for line in lines[:number])
    return names[label:], text.getvalue().removesuffix("\n")


def _names(line: list[str]) -> bool:
    """Whether a line has no number at all."""
    return not any(map(numeric, line))
