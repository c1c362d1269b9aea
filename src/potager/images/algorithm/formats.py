"""Which format a channel's files are in: what its content type declares, else what the first bytes say.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html, and for the short names and LIBSVM
`data_utils.py` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.libsvm import looks_so
from potager.images.algorithm.recordio import MAGIC_BYTES
from potager.images.media import APACHE_PARQUET, CSV, LIBSVM, PARQUET, RECORDIO, X_LIBSVM

_SPELT: Mapping[str, str] = {
    **dict.fromkeys((CSV, "csv"), CSV),
    **dict.fromkeys((LIBSVM, X_LIBSVM, "libsvm"), LIBSVM),
    **dict.fromkeys((PARQUET, APACHE_PARQUET, "parquet"), PARQUET),
    **dict.fromkeys((RECORDIO, "application/x-recordio", "recordio-protobuf"), RECORDIO),
}
_UNSAID = ("", "application/octet-stream", "binary/octet-stream")


_UNPACK = "Unpack it, or set the channel's InputMode to Pipe and its CompressionType to Gzip."


def declared(channel: str, content_type: str, formats: Sequence[str]) -> str | None:
    """The format of a content type, one of `formats`, None where it does not say."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _UNSAID:
        return None
    found = _SPELT.get(kind)
    if found not in formats:
        known = " or ".join([", ".join(formats[:-1]), formats[-1]] if len(formats) > 1 else formats)
        raise ClientError(f"{channel}: ContentType '{kind}' cannot be trained on. Use {known}.")
    return found


def of(path: Path, name: str, declared: str | None, formats: Sequence[str]) -> str:
    """The format of a file; `ClientError` where it is not the one declared, or compressed."""
    start, binary = _begins(path, name, _UNPACK)
    if declared in (CSV, LIBSVM) and binary is None:
        return declared
    if binary not in (None, *formats) or declared not in (None, binary):
        raise ClientError(
            f"{name} is declared {declared}, but holds {binary or 'something else'}. Correct the channel's ContentType."
            if declared
            else f"{name} holds {binary}, which cannot be trained on. Use {' or '.join(formats)}."
        )
    return binary or _of_text(start.decode("utf-8", "replace"), formats)


def check_csv(path: Path, name: str) -> None:
    """`ClientError` for a file that cannot be CSV, for algorithms that read nothing else, and no pipes."""
    _, binary = _begins(path, name, "Unpack it.")
    if binary:
        raise ClientError(f"{name} holds {binary}, which cannot be trained on. Use {CSV}.")


def _begins(path: Path, name: str, unpack: str) -> tuple[bytes, str | None]:
    """A file's first bytes, and the format that they speak of where that is no text."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:2] == b"\x1f\x8b":
        raise ClientError(f"{name} is compressed with gzip. {unpack}")
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise ClientError(f"{name} is text in UTF-16. Save it as UTF-8.")
    return start, RECORDIO if start[:4] == MAGIC_BYTES else PARQUET if start[:4] == b"PAR1" else None


def _of_text(start: str, formats: Sequence[str]) -> str:
    line = next((line for line in start.splitlines() if line.strip()), "")
    return LIBSVM if LIBSVM in formats and looks_so(line) else CSV
