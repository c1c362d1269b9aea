"""What an object is, by the end of its key, else by its content type: how it is shown follows from that."""

from __future__ import annotations

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".manifest": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".gif": "image",
    ".webp": "image",
    ".avif": "image",
    ".bmp": "image",
    ".wav": "audio",
    ".mp3": "audio",
    ".ogg": "audio",
    ".oga": "audio",
    ".opus": "audio",
    ".flac": "audio",
    ".m4a": "audio",
}
CONTENT_TYPES = {
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "application/jsonlines": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
}
TABLES = ("csv", "jsonl", "parquet")
"""What has rows: can be profiled, and trained on."""


def kind_of(key: str, content_type: str) -> str:
    """csv, json, jsonl, parquet, image, audio, or "" for text and all else. `.gz` is looked past."""
    name = key.lower().removesuffix(".gz").removesuffix(".gzip")
    by_name = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), "")
    return by_name or CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower(), "")
