"""What is in an object is shown: tables, text, pictures, sounds; what is broken is told."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from typing import Any

import pytest

from tests.studio.conftest import Visitor
from tests.studio.test_data import bucket_of

CSV = b"age,amount,region\n" + b"".join(b"%d,%d.5,north\n" % (n, n) for n in range(2000))


def png() -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xff\0\0" * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav() -> bytes:
    """A second of silence."""
    data = bytes(8000)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data


def preview(visitor: Visitor, key: str, content: bytes, **more: Any) -> str:
    s3, name = bucket_of(visitor.server)
    s3.put_object(Bucket=name, Key=key, Body=content, **more)
    answer = visitor.get(f"/data/{name}/preview?key={key}")
    assert answer.status == 200, answer.text
    return answer.text


def test_a_table_is_shown(studio: Any) -> None:
    _, name = bucket_of(studio.server, **{"a.csv": CSV})
    page = studio.visit(f"/data/{name}/object?key=a.csv", check=False)
    page.get_by_role("region", name="First rows").wait_for()
    studio.check()
    assert page.get_by_role("columnheader", name="region").is_visible()
    assert page.locator("main tbody tr").count() == 100
    assert page.get_by_text("The first row is taken for the names.").is_visible()


def test_a_picture_and_a_sound_are_shown(studio: Any) -> None:
    _, name = bucket_of(studio.server, **{"a.png": png(), "a.wav": wav()})
    page = studio.visit(f"/data/{name}/object?key=a.png", check=False)
    picture = page.get_by_role("img", name="What a.png shows")
    picture.wait_for()
    page.wait_for_function("document.querySelector('.picture').naturalWidth === 8")
    studio.check()
    studio.visit(f"/data/{name}/object?key=a.wav", check=False)
    page.locator("audio").wait_for()
    page.wait_for_function("document.querySelector('audio').duration === 1")
    studio.check()


def test_raw_bytes_are_pictures_and_sounds_alone_in_a_sandbox(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server, **{"a.wav": wav(), "a.html": b"<script>", "a.svg": b"<svg>"})
    s3.put_object(Bucket=name, Key="evil.png", Body=b"<script>alert(1)</script>", ContentType="text/html")
    answer = visitor.get(f"/data/{name}/raw?key=evil.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert "It does not begin as the image" in visitor.get(f"/data/{name}/preview?key=evil.png").text
    part = visitor.get(f"/data/{name}/raw?key=a.wav", Range="bytes=0-3")
    assert (part.status, part.content) == (206, b"RIFF")
    for key in ("a.html", "a.svg"):
        assert visitor.get(f"/data/{name}/raw?key={key}").status == 400


@pytest.mark.parametrize(
    ("key", "content", "shown"),
    [
        ("a.tsv", b"name\tvalue\na\t1\n", "parted by tabs"),
        ("a.csv.gz", gzip.compress(CSV), "amount"),
        ("a.jsonl", b'{"who": "<b>"}\n', "&lt;b&gt;"),
        ("a.json", b'{"a": [1]}', "&#34;a&#34;: ["),
        ("a.json", b'{"a": [1', "It is not JSON"),
        ("a.txt", b"<script>alert(1)</script>", "&lt;script&gt;"),
        ("a.html", b"<script>alert(1)</script>", "&lt;script&gt;"),
        ("a.bin", bytes(1000), "It is no text"),
        ("a.csv", b"", "It is empty."),
        ("a.parquet", b"", "It does not read as Parquet"),
        ("a.parquet", b"PAR1 not at all PAR1", "It does not read as Parquet"),
        ("a.parquet", gzip.compress(b"PAR1"), "packed once more"),
        ("a.gz", b"plain", "is not, or is broken"),
        ("a.png.gz", gzip.compress(png()), "Packed pictures"),
    ],
)
def test_each_kind_is_shown_or_told(visitor: Visitor, key: str, content: bytes, shown: str) -> None:
    text = preview(visitor, key, content)
    assert shown in text
    assert "<script>" not in text


def test_parquet_is_shown(visitor: Visitor) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    columns = {"age": list(range(5000)), "who": [f"<n{n}>" for n in range(5000)], "none": [None] * 5000}
    parquet.write_table(pyarrow.table(columns), out)
    text = preview(visitor, "a.parquet", out.getvalue())
    for shown in ("int64", "&lt;n99&gt;", "5,000 rows.", "The first 100 are shown."):
        assert shown in text
    assert "&lt;n100&gt;" not in text
    broken = bytearray(out.getvalue())
    broken[-200:-100] = b"\xff" * 100
    assert "It does not read as Parquet" in preview(visitor, "a.parquet", bytes(broken))


def test_little_is_read_of_a_large_file(visitor: Visitor) -> None:
    text = preview(visitor, "a.csv", CSV * 100)
    assert "The first 100 are shown." in text
    assert len(text) < 100_000


def test_a_version_is_shown(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=name, Key="a.txt", Body=b"the old one")["VersionId"]
    s3.put_object(Bucket=name, Key="a.txt", Body=b"the new one")
    assert "the old one" in visitor.get(f"/data/{name}/preview?key=a.txt&version={old}").text
    assert visitor.get(f"/data/{name}/preview?key=b.txt").status == 404
