"""What an object is, by the end of its key, else by its content type: how it is shown follows from that."""

from __future__ import annotations

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
}
SOUNDS = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}
"""Content types by ending: a user's bytes go out as one of these and as nothing else. No SVG: that is a program."""

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".manifest": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    **dict.fromkeys(PICTURES, "image"),
    **dict.fromkeys(SOUNDS, "audio"),
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
    name = key.lower().removesuffix(".gz")
    by_name = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), "")
    return by_name or CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower(), "")


def media_type(key: str) -> str | None:
    """The content type of a picture or a sound, None for all else, packed ones too."""
    name = key.lower()
    return next((kind for ending, kind in (PICTURES | SOUNDS).items() if name.endswith(ending)), None)
