"""MinIO's own client of Python."""

from __future__ import annotations

import io
import os
import sys
from datetime import timedelta
from urllib.parse import urlsplit
from urllib.request import urlopen

import urllib3
from minio import Minio
from minio.commonconfig import CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.versioningconfig import ENABLED, VersioningConfig

SIZE = int(sys.argv[1])
place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
pool = urllib3.PoolManager(ca_certs=os.environ["AWS_CA_BUNDLE"]) if place.scheme == "https" else None
client = Minio(
    endpoint=place.netloc, access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=place.scheme == "https", region="us-east-1", http_client=pool,
)  # fmt: skip
B = "minio-claims"
client.make_bucket(bucket_name=B)
assert client.bucket_exists(bucket_name=B)
content = os.urandom(SIZE)
client.put_object(bucket_name=B, object_name="large", data=io.BytesIO(content), length=-1, part_size=5 << 20)
client.put_object(
    bucket_name=B, object_name="a/small ü.txt", data=io.BytesIO(b"small"), length=5, metadata={"kind": "claim"}
)
assert client.get_object(bucket_name=B, object_name="large").read() == content
assert client.get_object(bucket_name=B, object_name="large", offset=10, length=5).read() == content[10:15]
stat = client.stat_object(bucket_name=B, object_name="a/small ü.txt")
assert (stat.size, stat.metadata["x-amz-meta-kind"]) == (5, "claim")
client.copy_object(bucket_name=B, object_name="copy", source=CopySource(bucket_name=B, object_name="a/small ü.txt"))
assert sorted(str(each.object_name) for each in client.list_objects(bucket_name=B)) == ["a/", "copy", "large"]
assert len(list(client.list_objects(bucket_name=B, recursive=True))) == 3
with urlopen(client.presigned_get_object(bucket_name=B, object_name="copy", expires=timedelta(hours=1))) as answer:
    assert answer.read() == b"small"
tags = Tags.new_object_tags()
tags["kind"] = "claim"
client.set_object_tags(bucket_name=B, object_name="copy", tags=tags)
assert client.get_object_tags(bucket_name=B, object_name="copy") == {"kind": "claim"}
client.set_bucket_versioning(bucket_name=B, config=VersioningConfig(status=ENABLED))
client.remove_object(bucket_name=B, object_name="copy")
try:
    client.get_object(bucket_name=B, object_name="copy")
    raise AssertionError("a removed object was read")
except S3Error as error:
    assert error.code == "NoSuchKey"
versions = client.list_objects(bucket_name=B, recursive=True, include_version=True)
every = [DeleteObject(name=each.object_name, version_id=each.version_id) for each in versions]
assert list(client.remove_objects(bucket_name=B, delete_object_list=every)) == []
client.remove_bucket(bucket_name=B)
