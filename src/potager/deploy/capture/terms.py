"""What a DataCaptureConfig asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.kernel import uris


@dataclass(frozen=True, slots=True)
class Terms:
    """What is captured of an endpoint, and where it goes.

    Parameters
    ----------
    percentage : of the requests, 0 to 100.
    bucket, prefix : where objects go; the prefix is empty or ends with a slash.
    key : the KMS key that encrypts them, None for what the bucket says.
    inputs, outputs : which halves are captured.
    csv, json : media types, in lower case, whose bodies are kept as text.
    """

    percentage: int
    bucket: str
    prefix: str
    key: str | None
    inputs: bool
    outputs: bool
    csv: frozenset[str]
    json: frozenset[str]

    def encoding(self, content_type: str) -> str:
        """`CSV`, `JSON` or `BASE64`; parameters of the media type, such as its charset, do not matter."""
        kind = content_type.partition(";")[0].strip().lower()
        return "CSV" if kind in self.csv else "JSON" if kind in self.json else "BASE64"


def enabled(config: Mapping[str, Any] | None) -> bool:
    """Whether a DataCaptureConfig has anything captured; it does unless it says otherwise, as on AWS."""
    return bool(config) and config.get("EnableCapture", True)


def read(config: Mapping[str, Any]) -> Terms:
    """The terms of a DataCaptureConfig. `Invalid` for a destination that is not in S3."""
    bucket, prefix = uris.s3(config["DestinationS3Uri"])
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    headers: Mapping[str, Any] = config.get("CaptureContentTypeHeader") or {}
    return Terms(
        percentage=config["InitialSamplingPercentage"],
        bucket=bucket,
        prefix=prefix.rstrip("/") + "/" if prefix else "",
        key=config.get("KmsKeyId") or None,
        inputs=not modes.isdisjoint(("Input", "InputAndOutput")),
        outputs=not modes.isdisjoint(("Output", "InputAndOutput")),
        csv=_lower(headers.get("CsvContentTypes", ())),
        json=_lower(headers.get("JsonContentTypes", ())),
    )


def _lower(kinds: Any) -> frozenset[str]:
    return frozenset(str(kind).lower() for kind in kinds)
