"""The media types that images take and give, and what an `Accept` asks for."""

from __future__ import annotations

CSV, JSON, NPY, ANY = "text/csv", "application/json", "application/x-npy", "*/*"
JSONLINES, X_JSONLINES = "application/jsonlines", "application/x-jsonlines"
RECORDIO = "application/x-recordio-protobuf"
LIBSVM, X_LIBSVM = "text/libsvm", "text/x-libsvm"
PARQUET, APACHE_PARQUET = "application/x-parquet", "application/vnd.apache.parquet"


def media_type(header: str) -> str:
    """The type alone, lower case, without parameters."""
    return header.partition(";")[0].strip().lower()


def accepted(accept: str) -> list[str]:
    """The media types of an `Accept`, the most wanted first; what it rules out by `q=0` is left out.

    >>> accepted("text/csv;q=0.5, application/json")
    ['application/json', 'text/csv']
    """
    if ";" not in accept:
        return [part.strip().lower() for part in accept.split(",")]
    weighed = [(_weight(part), media_type(part)) for part in accept.split(",")]
    return [kind for weight, kind in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(part: str) -> float:
    """Its `q`: 1 where it has none, or one that is no number."""
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0
