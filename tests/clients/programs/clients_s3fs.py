"""s3fs, and pandas by it: files, globs, folders, versions. Started with the bytes of a large file."""

from __future__ import annotations

import os
import sys
import urllib.request

import fsspec
import pandas as pd
import s3fs

SIZE = int(sys.argv[1])
fs = s3fs.S3FileSystem()
fs.mkdir("s3fs-claims")
assert "s3fs-claims" in fs.ls("")
fs.pipe({"s3fs-claims/a/one.txt": b"one", "s3fs-claims/a/b/two.txt": b"two", "s3fs-claims/a/b/three.log": b"three"})
assert fs.cat("s3fs-claims/a/one.txt") == b"one"
assert fs.cat_file("s3fs-claims/a/one.txt", start=1, end=3) == b"ne"
assert sorted(fs.cat(["s3fs-claims/a/one.txt", "s3fs-claims/a/b/two.txt"]).values()) == [b"one", b"two"]
assert fs.ls("s3fs-claims/a", detail=False) == ["s3fs-claims/a/b", "s3fs-claims/a/one.txt"]
assert fs.glob("s3fs-claims/**/*.txt") == ["s3fs-claims/a/b/two.txt", "s3fs-claims/a/one.txt"]
assert fs.find("s3fs-claims") == ["s3fs-claims/a/b/three.log", "s3fs-claims/a/b/two.txt", "s3fs-claims/a/one.txt"]
walked = [(folder, sorted(folders), sorted(files)) for folder, folders, files in fs.walk("s3fs-claims")]
assert walked == [
    ("s3fs-claims", ["a"], []),
    ("s3fs-claims/a", ["b"], ["one.txt"]),
    ("s3fs-claims/a/b", [], ["three.log", "two.txt"]),
]
assert fs.du("s3fs-claims") == 11
assert (fs.isdir("s3fs-claims/a"), fs.isfile("s3fs-claims/a/one.txt"), fs.exists("s3fs-claims/no")) == (
    True,
    True,
    False,
)
fs.touch("s3fs-claims/touched")
assert fs.info("s3fs-claims/touched")["size"] == 0
fs.mv("s3fs-claims/a/one.txt", "s3fs-claims/moved.txt")
fs.cp("s3fs-claims/a", "s3fs-claims/copy", recursive=True)
assert fs.find("s3fs-claims/copy") == ["s3fs-claims/copy/b/three.log", "s3fs-claims/copy/b/two.txt"]
fs.setxattr("s3fs-claims/moved.txt", kind="claim")
fs.invalidate_cache()
assert fs.metadata("s3fs-claims/moved.txt") == {"kind": "claim"}
with fs.open("s3fs-claims/moved.txt", "ab") as file:
    file.write(b" more")
assert fs.cat("s3fs-claims/moved.txt") == b"one more"
fs.rm("s3fs-claims/a", recursive=True)
assert not fs.exists("s3fs-claims/a")
try:
    fs.cat("s3fs-claims/absent")
    raise AssertionError("an absent key was read")
except FileNotFoundError:
    pass

content = os.urandom(SIZE)
with fs.open("s3fs-claims/large.bin", "wb", block_size=5 << 20) as file:
    file.write(content)
with fs.open("s3fs-claims/large.bin", "rb") as file:
    file.seek(SIZE // 2)
    assert file.read(1000) == content[SIZE // 2 : SIZE // 2 + 1000]
fs.get("s3fs-claims/large.bin", sys.argv[2])
with open(sys.argv[2], "rb") as file:
    assert file.read() == content
fs.put(sys.argv[2], "s3fs-claims/again.bin")
assert fs.checksum("s3fs-claims/again.bin")
assert fs.size("s3fs-claims/again.bin") == SIZE

frame = pd.DataFrame({"id": range(100), "paid": [n / 3 for n in range(100)]})
frame.to_csv("s3://s3fs-claims/frame.csv", index=False)
assert pd.read_csv("s3://s3fs-claims/frame.csv").equals(frame)
frame.to_parquet("s3://s3fs-claims/frame.parquet")
assert pd.read_parquet("s3://s3fs-claims/frame.parquet", columns=["paid"]).shape == (100, 1)
with fsspec.open("s3://s3fs-claims/text.gz", "wt", compression="gzip") as file:
    file.write("packed")
with fsspec.open("s3://s3fs-claims/text.gz", "rt", compression="gzip") as file:
    assert file.read() == "packed"
with urllib.request.urlopen(fs.url("s3fs-claims/frame.csv", expires=60)) as answer:
    assert answer.read().startswith(b"id,paid\n")

aware = s3fs.S3FileSystem(version_aware=True)
aware.call_s3("put_bucket_versioning", Bucket="s3fs-claims", VersioningConfiguration={"Status": "Enabled"})
aware.pipe("s3fs-claims/kept.txt", b"first")
aware.pipe("s3fs-claims/kept.txt", b"second")
versions = aware.object_version_info("s3fs-claims/kept.txt")
assert len(versions) == 2
oldest = next(each["VersionId"] for each in versions if not each["IsLatest"])
with aware.open("s3fs-claims/kept.txt", version_id=oldest) as file:
    assert file.read() == b"first"
fs.put_tags("s3fs-claims/kept.txt", {"kind": "claim"})
assert fs.get_tags("s3fs-claims/kept.txt") == {"kind": "claim"}
fs.rm(list(fs.find("s3fs-claims")))
assert fs.find("s3fs-claims", refresh=True) == []
