"""Where a processing job's inputs and outputs stand: `LocalPath`, which is below /opt/ml/processing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from potager.kernel.errors import Invalid

ML = PurePosixPath("/opt/ml")
ROOT = ML / "processing"

_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]*")
"""The suffix of a path that is to be a file; `v1.0` is a folder's name."""


def inside(path: str, what: str) -> PurePosixPath:
    """A LocalPath relative to /opt/ml; `Invalid` for one that is elsewhere.

    >>> inside("/opt/ml/processing/input/", "ProcessingInput 'a'")
    PurePosixPath('processing/input')
    """
    found = PurePosixPath(path)
    long = any(len(part.encode("utf-8", "replace")) > 255 for part in found.parts)
    if not found.is_relative_to(ROOT) or ".." in found.parts or "\0" in path or long:
        raise Invalid(f"{what} has the LocalPath '{path}', which is not below {ROOT}/. Choose one that is.")
    return found.relative_to(ML)


def names_a_file(path: PurePosixPath) -> bool:
    """Whether a program will write a file at an output's path rather than fill the folder that stands there."""
    return _FILE.fullmatch(path.suffix) is not None


def inputs(doc: Mapping[str, Any]) -> Iterator[tuple[PurePosixPath, Mapping[str, Any]]]:
    """The S3 inputs that the platform brings: where below /opt/ml, and the ProcessingInput."""
    for one in doc.get("ProcessingInputs", ()):
        if not one.get("AppManaged"):
            yield inside(one["S3Input"]["LocalPath"], f"ProcessingInput '{one['InputName']}'"), one


def outputs(doc: Mapping[str, Any]) -> Iterator[tuple[PurePosixPath, Mapping[str, Any]]]:
    """The S3 outputs that the platform uploads: from where below /opt/ml, and the ProcessingOutput."""
    for one in doc.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        if not one.get("AppManaged"):
            yield inside(one["S3Output"]["LocalPath"], f"ProcessingOutput '{one['OutputName']}'"), one
