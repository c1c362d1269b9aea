"""Profiles of tables: where the one of an object is, the job that makes it, and its parts as charts and rows.

    object (bucket, key, ETag, version) + target ─► digest ─► s3://sagemaker-REGION-ACCOUNT/studio/profiles/DIGEST/profile.json
                                                        └───► processing jobs profile-DIGEST-1, -2 ...

An object's profile is asked for once: whoever asks again finds it under its digest, which another content or another
version of `profile.json` changes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.access.roles import role_arn
from potager.images import profile as image
from potager.kernel.errors import WireError
from potager.studio.asking import Asking
from potager.studio.resources import ENDED

FOLDER = "studio/profiles"
INSTANCE = "ml.t3.medium"
LONGEST = 3600
"""Seconds that a profile may take."""
MOST_BYTES = 256 * 2**20
"""Of a profile that is shown."""
BARS = 20


@dataclass(frozen=True)
class Subject:
    """The object that is profiled, as it is now, and the target that was chosen ("" to have one found)."""

    bucket: str
    key: str
    etag: str
    version: str
    size: int
    target: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def file(self) -> str:
        """The last part of its key."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def digest(self) -> str:
        told = json.dumps([image.VERSION, self.bucket, self.key, self.etag, self.version, self.target])
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Profiles:
    """The profiles as the person who asks may have them."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask
        scope = ask.context.scope
        self.bucket = f"sagemaker-{scope.region}-{scope.account}"
        self._role = role_arn(scope.account)

    async def subject(self, bucket: str, key: str, target: str) -> Subject:
        """The object as it is now; `WireError` where there is none."""
        head = await self._ask("s3", "HeadObject", Bucket=bucket, Key=key)
        version = str(head.get("VersionId") or "")
        return Subject(bucket, key, head["ETag"].strip('"'), version, int(head["ContentLength"]), target)

    async def found(self, subject: Subject) -> dict[str, Any] | None:
        """The finished profile, None where there is none."""
        content = await self.content(subject)
        return None if content is None else json.loads(content)

    async def content(self, subject: Subject) -> bytes | None:
        """The bytes of `profile.json`."""
        try:
            got = await self._ask("s3", "GetObject", Bucket=self.bucket, Key=self._key(subject))
        except WireError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise
        return await _whole(got["Body"])

    async def job(self, subject: Subject) -> dict[str, Any] | None:
        """The latest job that made or makes it, as DescribeProcessingJob has it."""
        latest = await self._jobs(subject)
        if not latest:
            return None
        return await self._ask("sagemaker", "DescribeProcessingJob", ProcessingJobName=latest[0]["ProcessingJobName"])

    async def _jobs(self, subject: Subject) -> list[dict[str, Any]]:
        found = await self._ask(
            "sagemaker",
            "ListProcessingJobs",
            NameContains=f"profile-{subject.digest}-",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=100,
        )
        return found["ProcessingJobSummaries"]

    async def start(self, subject: Subject) -> None:
        """Has the profile made, unless it is being made."""
        jobs = await self._jobs(subject)
        if jobs and jobs[0]["ProcessingJobStatus"] not in ENDED:
            return
        await self._make_room()
        folder = f"{FOLDER}/{subject.digest}"
        prefix = subject.uri[: len(subject.uri) - len(subject.file)]
        manifest = json.dumps([{"prefix": prefix}, subject.file])
        await self._ask("s3", "PutObject", Bucket=self.bucket, Key=f"{folder}/input.manifest", Body=manifest.encode())
        try:
            await self._ask("sagemaker", "CreateProcessingJob", **self._request(subject, folder, len(jobs) + 1))
        except WireError as error:
            if error.code != "ResourceInUse":  # somebody asked at the same moment
                raise

    async def _make_room(self) -> None:
        try:
            await self._ask("s3", "HeadBucket", Bucket=self.bucket)
        except WireError:
            region = self._ask.context.region
            place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            await self._ask("s3", "CreateBucket", Bucket=self.bucket, **place)

    def _request(self, subject: Subject, folder: str, number: int) -> dict[str, Any]:
        source = {
            "S3Uri": f"s3://{self.bucket}/{folder}/input.manifest",
            "LocalPath": "/opt/ml/processing/input",
            "S3DataType": "ManifestFile",
            "S3InputMode": "File",
        }
        target = {
            "S3Uri": f"s3://{self.bucket}/{folder}",
            "LocalPath": "/opt/ml/processing/output",
            "S3UploadMode": "EndOfJob",
        }
        return {
            "ProcessingJobName": f"profile-{subject.digest}-{number}",
            "RoleArn": self._role,
            "AppSpecification": {"ImageUri": "profile"},
            "Environment": {"target": subject.target} if subject.target else None,
            "ProcessingInputs": [{"InputName": "table", "S3Input": source}],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "profile", "S3Output": target}]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1}
            },
            "NetworkConfig": {"EnableNetworkIsolation": True},
            "StoppingCondition": {"MaxRuntimeInSeconds": LONGEST},
            "Tags": [{"Key": "studio:profile", "Value": _tag(subject.uri)}],
        }

    def _key(self, subject: Subject) -> str:
        return f"{FOLDER}/{subject.digest}/{image.FILE}"


def _tag(text: str) -> str:
    """A text as a tag's value may be: of letters and digits of any script, blanks and a few marks."""
    return "".join(one if one.isalnum() or one in " _.:/=+-@" else "_" for one in text)[:256]


async def _whole(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return b"".join([bytes(chunk) async for chunk in body])


def figure(value: Any) -> str:
    """A number for reading: 12,345 and 2025 and 0.0312 and 1.5e+09; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 10_000 or value < 0 else str(int(value))  # 2025 may be a year
    return f"{value:,.1f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def many(count: int) -> str:
    """A count for reading: 1,234."""
    return f"{count:,}"


def percent(share: float | None) -> str:
    """A share for reading: 12 %, 0.5 %."""
    if share is None:
        return "–"
    if share and share < 0.001:
        return "under 0.1 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def brief(column: Mapping[str, Any]) -> str:
    """What a column holds, in a few words."""
    if numbers := column.get("numbers"):
        if column["type"] == "boolean":
            return f"{percent(numbers['mean'])} are 1"
        return f"{figure(numbers['min'])} to {figure(numbers['max'])}, mean {figure(numbers['mean'])}"
    if dates := column.get("dates"):
        return f"{dates['min']} to {dates['max']}"
    if column["type"] == "identifier":
        return f"such as {', '.join(column['examples'][:2])}"[:80]
    top: list[dict[str, Any]] = column.get("top") or []
    return ", ".join(f"{clip(one['value'], 24)} {percent(one['share'])}" for one in top[:3])


def clip(text: str, most: int = 60) -> str:
    """A text, cut where it is long; one of nothing but blanks in quotes."""
    text = text if text.strip() else repr(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def bars(column: Mapping[str, Any]) -> dict[str, Any] | None:
    """A column's values as a chart: a histogram, or the most frequent values."""
    if found := column.get("histogram"):
        return _histogram(found, column["type"])
    top = column.get("top")
    if not top or column["type"] in ("identifier", "text", "constant"):
        return None
    filled = column["rows"] - column["gaps"]["count"]
    rest = filled - sum(one["count"] for one in top)
    names = [clip(one["value"], 32) for one in top] + (["(others)"] if rest > 0 else [])
    counts = [one["count"] for one in top] + ([rest] if rest > 0 else [])
    return {
        "kind": "bars",
        "x": {"name": "value", "values": names},
        "y": {"name": "rows"},
        "series": [{"name": "rows", "values": counts}],
        "across": True,
    }


def _histogram(found: Mapping[str, Any], kind: str) -> dict[str, Any]:
    edges: Sequence[float] = found["edges"]
    counts = list(found["counts"])
    if kind == "date":
        labels = [_day(edge) for edge in edges[: len(counts)]]
    elif len(counts) == 1:
        labels = [figure(edges[0])]
    elif all(edge % 1 == 0.5 for edge in edges):
        labels = [figure(edge + 0.5) for edge in edges[:-1]]
    else:
        digits = max(0, 2 - math.floor(math.log10(edges[1] - edges[0])))
        labels = [f"{one:,.{min(digits, 9)}f}" for one in edges[:-1]]
    if found["below"]:
        labels, counts = [f"below {figure(edges[0])}", *labels], [found["below"], *counts]
    if found["above"]:
        labels, counts = [*labels, f"above {figure(edges[-1])}"], [*counts, found["above"]]
    return {
        "kind": "bars",
        "x": {"name": "from", "values": labels},
        "y": {"name": "rows"},
        "series": [{"name": "rows", "values": counts}],
    }


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def gaps(columns: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The columns with the most gaps, as a chart."""
    worst = sorted((one for one in columns if one["gaps"]["count"]), key=lambda one: -one["gaps"]["share"])[:BARS]
    if not worst:
        return None
    return _across([one["name"] for one in worst], [100 * one["gaps"]["share"] for one in worst], "gaps, % of rows")


def powers(target: Mapping[str, Any]) -> dict[str, Any] | None:
    """How well each column alone foretells the target, as a chart."""
    known = [one for one in target["columns"] if one["power"] is not None][:BARS]
    if not known:
        return None
    return _across([one["name"] for one in known], [one["power"] for one in known], "power, 0 to 1")


def _across(names: Sequence[str], values: Sequence[float], what: str) -> dict[str, Any]:
    return {
        "kind": "bars",
        "x": {"name": "", "values": [clip(name, 28) for name in names]},
        "y": {"name": what},
        "series": [{"name": what, "values": [round(value, 4) for value in values]}],
        "across": True,
    }


def heat(names: Sequence[str], matrix: Sequence[Sequence[float | None]], low: float) -> dict[str, Any]:
    """A matrix of columns among themselves, as a chart."""
    short = [clip(name, 24) for name in names]
    cells = [
        [column, row, round(value, 2)]
        for row, line in enumerate(matrix)
        for column, value in enumerate(line)
        if value is not None
    ]
    return {"kind": "heat", "x": {"values": short}, "y": {"values": short}, "cells": cells, "low": low, "high": 1}


HEADINGS = (
    "column type rows gaps gap_share distinct min max mean std skew zero_share negative_share outliers most_frequent"
)


def as_csv(profile: Mapping[str, Any]) -> str:
    """The columns as a table, a row each; a text that a spreadsheet would take for a formula gets a ' before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADINGS.split())
    for one in profile["columns"]:
        numbers: dict[str, Any] = one.get("numbers") or {}
        top: list[dict[str, Any]] = one.get("top") or [{}]
        found: dict[str, Any] = numbers or one.get("dates") or {}
        shares: list[dict[str, Any]] = [numbers.get(name) or {} for name in ("zeros", "negative")]
        row: list[Any] = [
            *(one["name"], one["type"], one["rows"], one["gaps"]["count"], one["gaps"]["share"]),
            one["distinct"]["count"],
            *(found.get(name) for name in ("min", "max", "mean", "std", "skew")),
            *(each.get("share") for each in shares),
            one["outliers"]["count"] if one.get("outliers") else None,
            top[0].get("value"),
        ]
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
