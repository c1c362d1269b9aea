"""What a CreateTransformJob request asks for, checked and with AWS's defaults; read again from the row when it runs.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.compute import frames
from potager.deploy.transform import jsonpath
from potager.deploy.transform.processing import CSV, JSON_LINES, Processing, known, media_type
from potager.deploy.transform.splitting import Sizes
from potager.kernel import uris
from potager.kernel.errors import Invalid, Unserved

MEGABYTE = 2**20
PAYLOAD = 6
"""Megabytes of a request when MaxPayloadInMB is not given; of a batch when it is 0, which means no limit."""
MOST = 100
"""Megabytes that MaxPayloadInMB, and MaxPayloadInMB times MaxConcurrentTransforms, may be."""
CHANNEL = frames.MAX - 64 * 1024
"""Bytes of a body that the channel to a worker takes."""
IN_FLIGHT = 2
"""Requests a worker at a time when MaxConcurrentTransforms is not given: one in its hands, one that waits."""
TIMEOUT, RETRIES = 600, 3
"""ModelClientConfig when it is not given."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a job goes about its objects.

    Parameters
    ----------
    split, single : SplitType, and whether each record goes alone.
    sizes : bytes of a batch and of a record at most.
    line : whether a line feed ends each answer (AssembleWith).
    content_type, accept : media types, empty where not given.
    timeout, retries : seconds for an answer, and how often a request is sent again.
    concurrent, workers : requests under way a worker, and workers.
    """

    split: str
    single: bool
    sizes: Sizes
    gzip: bool
    line: bool
    content_type: str
    accept: str
    timeout: float
    retries: int
    concurrent: int
    workers: int
    processing: Processing | None


def read(doc: Mapping[str, Any]) -> Plan:
    """The plan of a request. `Unserved` names what Potager does not do, `Invalid` what does not fit together."""
    source, output = doc["TransformInput"], doc["TransformOutput"]
    _check_source(source, output)
    client = doc.get("ModelClientConfig", {})
    megabytes = doc.get("MaxPayloadInMB", PAYLOAD)
    split = source.get("SplitType", "None")
    return Plan(
        split=split,
        single=doc.get("BatchStrategy", "MultiRecord") == "SingleRecord",
        sizes=_sizes(megabytes, doc.get("MaxConcurrentTransforms", 0)),
        gzip=source.get("CompressionType", "None") == "Gzip",
        line=output.get("AssembleWith", "None") == "Line",
        content_type=source.get("ContentType", ""),
        accept=output.get("Accept", ""),
        timeout=float(client.get("InvocationsTimeoutInSeconds", TIMEOUT)),
        retries=client.get("InvocationsMaxRetries", RETRIES),
        concurrent=doc.get("MaxConcurrentTransforms", 0) or IN_FLIGHT,
        workers=min(doc["TransformResources"]["InstanceCount"], os.cpu_count() or 1),
        processing=_processing(doc.get("DataProcessing", {}), split, source, output),
    )


def _check_source(source: Mapping[str, Any], output: Mapping[str, Any]) -> None:
    kind = source["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise Unserved(f"S3DataType {kind} is not served for a transform job. Use S3Prefix or ManifestFile.")
    if source.get("SplitType") == "TFRecord":
        raise Unserved("SplitType TFRecord is not served yet. Use Line, RecordIO or None.")
    for uri in (source["DataSource"]["S3DataSource"]["S3Uri"], output["S3OutputPath"]):
        uris.s3(uri)


def _sizes(megabytes: int, concurrent: int) -> Sizes:
    if megabytes > MOST or megabytes * concurrent > MOST:
        given = f"MaxPayloadInMB {megabytes}" + (f" times MaxConcurrentTransforms {concurrent}" if concurrent else "")
        raise Invalid(f"{given} is more than {MOST} MB. Lower it.")
    if not megabytes:
        return Sizes(PAYLOAD * MEGABYTE, CHANNEL)
    limit = min(megabytes * MEGABYTE, CHANNEL)
    return Sizes(limit, limit)


def _processing(
    given: Mapping[str, Any], split: str, source: Mapping[str, Any], output: Mapping[str, Any]
) -> Processing | None:
    before, after = (_path(given.get(name, "$")) for name in ("InputFilter", "OutputFilter"))
    join = given.get("JoinSource", "None") == "Input"
    if not (before or after or join):
        return None
    kind, accept = source.get("ContentType", ""), output.get("Accept", "")
    _check_types(kind, accept if after or join else "", split)
    table = media_type(kind) in CSV
    for path in (before, after):
        if table and path and path.names:
            raise Invalid(
                f"The JSONPath '{path.text}' names members, but a row of CSV has only positions, as in $[1:]."
            )
    lines = table or split == "Line" or media_type(kind) in JSON_LINES
    return Processing(table, lines, before, after, join)


def _path(text: str) -> jsonpath.Path | None:
    path = jsonpath.parse(text)
    return None if path.whole else path


def _check_types(kind: str, accept: str, split: str) -> None:
    if not known(kind) or split == "RecordIO":
        given = f"ContentType '{kind}' with SplitType {split}"
        raise Invalid(
            f"DataProcessing is for CSV and JSON; {given} given. Set ContentType text/csv or application/json."
        )
    if accept and (not known(accept) or (media_type(accept) in CSV) != (media_type(kind) in CSV)):
        raise Invalid(f"DataProcessing needs input and output of one kind: ContentType is '{kind}', Accept '{accept}'.")
