"""pyarrow's S3 file system: files, folders, datasets, uploads of many parts. Started with the bytes of a large file."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

SIZE = int(sys.argv[1])
place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
more = {"tls_ca_file_path": os.environ["AWS_CA_BUNDLE"]} if place.scheme == "https" else {}
s3 = fs.S3FileSystem(
    endpoint_override=place.netloc,
    scheme=place.scheme,
    region="us-east-1",
    allow_bucket_creation=True,
    allow_bucket_deletion=True,
    **more,
)
s3.create_dir("arrow-claims")
assert "arrow-claims" in [info.path for info in s3.get_file_info(fs.FileSelector(""))]

with s3.open_output_stream("arrow-claims/a/hello.txt", metadata={"Content-Type": "text/plain"}) as out:
    out.write(b"hello")
with s3.open_input_stream("arrow-claims/a/hello.txt") as stream:
    assert stream.read() == b"hello"
    assert stream.metadata()["Content-Type"] == b"text/plain"
with s3.open_input_file("arrow-claims/a/hello.txt") as file:
    file.seek(1)
    assert (file.read(3), file.size()) == (b"ell", 5)
info = s3.get_file_info("arrow-claims/a/hello.txt")
assert (info.type, info.size) == (fs.FileType.File, 5)
assert s3.get_file_info("arrow-claims/a").type == fs.FileType.Directory
assert s3.get_file_info("arrow-claims/absent").type == fs.FileType.NotFound

s3.create_dir("arrow-claims/folder/inner")
s3.copy_file("arrow-claims/a/hello.txt", "arrow-claims/folder/inner/copy.txt")
s3.move("arrow-claims/folder/inner/copy.txt", "arrow-claims/folder/moved.txt")
found = {info.path for info in s3.get_file_info(fs.FileSelector("arrow-claims/folder", recursive=True))}
assert found == {"arrow-claims/folder/inner", "arrow-claims/folder/moved.txt"}, found
s3.delete_dir_contents("arrow-claims/folder")
assert s3.get_file_info(fs.FileSelector("arrow-claims/folder")) == []
s3.delete_dir("arrow-claims/folder")
s3.delete_file("arrow-claims/a/hello.txt")

ids = range(1000)
table = pa.table({"id": list(ids), "year": [2020 + n % 3 for n in ids], "paid": [n / 7 for n in ids]})
hive = {"format": "parquet", "partitioning": ["year"], "partitioning_flavor": "hive"}
ds.write_dataset(table, "arrow-claims/set", filesystem=s3, **hive)
claims = ds.dataset("arrow-claims/set", filesystem=s3, format="parquet", partitioning="hive")
assert claims.count_rows() == 1000
some = claims.to_table(columns=["id"], filter=(pc.field("year") == 2021) & (pc.field("id") < 10))
assert some.column("id").to_pylist() == [1, 4, 7]
ds.write_dataset(table, "arrow-claims/set", filesystem=s3, existing_data_behavior="delete_matching", **hive)
assert claims.count_rows() == 1000
pq.write_table(table, "arrow-claims/one.parquet", filesystem=s3)
assert pq.read_table("arrow-claims/one.parquet", filesystem=s3, columns=["paid"]).num_rows == 1000
with s3.open_output_stream("arrow-claims/one.csv.gz", compression="gzip") as out:
    csv.write_csv(table, out)
with s3.open_input_stream("arrow-claims/one.csv.gz") as stream:
    assert csv.read_csv(stream).equals(table)

block = os.urandom(1 << 20)
with s3.open_output_stream("arrow-claims/large.bin") as out:  # in parts, each sent while the next one is written
    for _ in range(SIZE >> 20):
        out.write(block)
with s3.open_input_file("arrow-claims/large.bin") as file:
    assert file.size() == (SIZE >> 20) << 20
    file.seek((5 << 20) + 3)
    assert file.read(100) == block[3:103]
with s3.open_output_stream("arrow-claims/empty.bin"):
    pass
assert s3.get_file_info("arrow-claims/empty.bin").size == 0
s3.delete_dir("arrow-claims/set")
assert s3.get_file_info("arrow-claims/set").type == fs.FileType.NotFound
s3.delete_dir_contents("arrow-claims")
s3.delete_dir("arrow-claims")
assert s3.get_file_info("arrow-claims").type == fs.FileType.NotFound
