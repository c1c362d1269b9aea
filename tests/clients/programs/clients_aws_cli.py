"""The AWS CLI's own driver, a command after the other in one process: `aws s3`, then `aws s3api`.

Started as `python clients_aws_cli.py FOLDER SIZE`: a folder to work in, the bytes of the large file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

from awscli.clidriver import create_clidriver

FOLDER, SIZE = Path(sys.argv[1]), int(sys.argv[2])
DRIVER = create_clidriver()
BUCKET, OTHER = "cli-claims", "cli-other"


def aws(*words: str | Path, stdin: bytes = b"", fails: str = "") -> bytes:
    """What a command says; with `fails` it must end in an error that says so."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = DRIVER.main([str(word) for word in words])
    finally:
        sys.stdin = before
    out.flush()
    said = out.buffer.getvalue()
    assert bool(status) == bool(fails), (words, status, said, err.getvalue())
    assert fails in err.getvalue(), (words, err.getvalue())
    return said


def api(*words: str | Path, fails: str = "") -> Any:
    said = aws("s3api", *words, "--output", "json", fails=fails)
    return json.loads(said) if said.strip() else {}


def keys(where: str) -> list[str]:
    return [line.split(None, 3)[3] for line in aws("s3", "ls", "--recursive", where).decode().splitlines()]


def write(path: str, content: bytes) -> Path:
    target = FOLDER / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def folders() -> None:
    """mb, cp, ls, mv, rm, sync, presign, rb; pipes."""
    aws("s3", "mb", f"s3://{BUCKET}")
    aws("s3", "mb", f"s3://{OTHER}")
    assert BUCKET in aws("s3", "ls").decode()
    write("tree/a.txt", b"a")
    write("tree/sub/b c.txt", b"b")
    write("tree/sub/ü+&.txt", b"c")
    write("tree/skip.log", b"log")
    aws("s3", "cp", "--recursive", FOLDER / "tree", f"s3://{BUCKET}/tree", "--exclude", "*.log")
    assert keys(f"s3://{BUCKET}/tree/") == ["tree/a.txt", "tree/sub/b c.txt", "tree/sub/ü+&.txt"]
    assert aws("s3", "ls", f"s3://{BUCKET}/tree/").decode().split()[:2] == ["PRE", "sub/"]
    replaced = ("--metadata", "k=v", "--metadata-directive", "REPLACE")
    aws("s3", "cp", f"s3://{BUCKET}/tree/a.txt", f"s3://{OTHER}/copied.txt", *replaced)
    assert api("head-object", "--bucket", OTHER, "--key", "copied.txt")["Metadata"] == {"k": "v"}
    aws("s3", "mv", f"s3://{OTHER}/copied.txt", f"s3://{BUCKET}/moved.txt")
    assert aws("s3", "cp", f"s3://{BUCKET}/moved.txt", "-") == b"a"
    aws("s3", "cp", "-", f"s3://{BUCKET}/streamed.txt", stdin=b"from a pipe")
    assert aws("s3", "cp", f"s3://{BUCKET}/streamed.txt", "-") == b"from a pipe"

    aws("s3", "sync", FOLDER / "tree", f"s3://{BUCKET}/synced")
    assert aws("s3", "sync", FOLDER / "tree", f"s3://{BUCKET}/synced") == b""  # nothing is left to do
    (FOLDER / "tree/a.txt").unlink()
    write("tree/new.txt", b"new")
    aws("s3", "sync", "--delete", FOLDER / "tree", f"s3://{BUCKET}/synced")
    assert keys(f"s3://{BUCKET}/synced/") == [
        "synced/new.txt", "synced/skip.log", "synced/sub/b c.txt", "synced/sub/ü+&.txt",
    ]  # fmt: skip
    aws("s3", "sync", f"s3://{BUCKET}/synced", FOLDER / "back")
    assert (FOLDER / "back/sub/ü+&.txt").read_bytes() == b"c"
    aws("s3", "sync", f"s3://{BUCKET}/synced", f"s3://{OTHER}/copy")
    assert len(keys(f"s3://{OTHER}/copy")) == 4
    aws("s3", "rm", "--recursive", f"s3://{OTHER}/copy")
    url = aws("s3", "presign", f"s3://{BUCKET}/streamed.txt", "--expires-in", "60").decode().strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"from a pipe"
    aws("s3", "rb", f"s3://{BUCKET}", fails="BucketNotEmpty")
    aws("s3", "rb", f"s3://{OTHER}")
    aws("s3", "ls", f"s3://{OTHER}", fails="NoSuchBucket")


def large() -> None:
    """A file of many parts, from disk and from a pipe, and copied on the server."""
    content = os.urandom(SIZE)
    path = write("large.bin", content)
    aws("s3", "cp", path, f"s3://{BUCKET}/large.bin", "--no-progress")
    head = api("head-object", "--bucket", BUCKET, "--key", "large.bin", "--checksum-mode", "ENABLED")
    assert head["ContentLength"] == SIZE
    assert head["ETag"].strip('"').endswith(f"-{-(-SIZE // (8 << 20))}")
    aws("s3", "cp", f"s3://{BUCKET}/large.bin", FOLDER / "back.bin", "--no-progress")
    assert (FOLDER / "back.bin").read_bytes() == content
    aws("s3", "cp", f"s3://{BUCKET}/large.bin", f"s3://{BUCKET}/copy.bin", "--no-progress")
    aws("s3", "cp", "-", f"s3://{BUCKET}/piped.bin", "--no-progress", stdin=content)
    for key in ("copy.bin", "piped.bin"):
        assert hashlib.sha256(aws("s3", "cp", f"s3://{BUCKET}/{key}", "-")).digest() == hashlib.sha256(content).digest()
    assert "Total Size" in aws("s3", "ls", "--recursive", "--summarize", f"s3://{BUCKET}").decode()


def objects() -> None:
    """s3api on objects: checksums, ranges, parts, conditions, tags, versions, copies, batch deletes."""
    body = write("body.txt", b"hello, bucket")
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        put = api("put-object", "--bucket", BUCKET, "--key", "k", "--body", body, "--checksum-algorithm", algorithm)
        assert put[f"Checksum{algorithm}"]
    got = api("get-object", "--bucket", BUCKET, "--key", "k", "--range", "bytes=7-12", FOLDER / "range.txt")
    assert (got["ContentRange"], (FOLDER / "range.txt").read_bytes()) == ("bytes 7-12/13", b"bucket")
    digest = base64.b64encode(hashlib.md5(b"hello, bucket").digest()).decode()
    api("put-object", "--bucket", BUCKET, "--key", "k", "--body", body, "--content-md5", digest)
    fails = "PreconditionFailed"
    api("put-object", "--bucket", BUCKET, "--key", "k", "--body", body, "--if-none-match", "*", fails=fails)
    api("get-object", "--bucket", BUCKET, "--key", "k", "--if-match", '"no"', FOLDER / "x", fails=fails)
    api("head-object", "--bucket", BUCKET, "--key", "absent", fails="404")
    api("get-object", "--bucket", BUCKET, "--key", "absent", FOLDER / "x", fails="NoSuchKey")

    upload = api("create-multipart-upload", "--bucket", BUCKET, "--key", "parts")["UploadId"]
    assert upload in [each["UploadId"] for each in api("list-multipart-uploads", "--bucket", BUCKET)["Uploads"]]
    named = ("--bucket", BUCKET, "--key", "parts", "--upload-id", upload)
    part = api("upload-part", *named, "--part-number", "1", "--body", body)
    assert api("list-parts", *named)["Parts"][0]["Size"] == 13
    done = json.dumps({"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    api("complete-multipart-upload", *named, "--multipart-upload", done)
    api("abort-multipart-upload", *named, fails="NoSuchUpload")
    api("copy-object", "--bucket", BUCKET, "--key", "copied", "--copy-source", f"{BUCKET}/parts")
    gone = json.dumps({"Objects": [{"Key": "copied"}, {"Key": "parts"}, {"Key": "never"}]})
    assert len(api("delete-objects", "--bucket", BUCKET, "--delete", gone)["Deleted"]) == 3
    page = api("list-objects-v2", "--bucket", BUCKET, "--prefix", "synced/", "--delimiter", "/", "--max-items", "1")
    assert page["NextToken"]


def resources() -> None:
    """s3api on what is kept beside buckets and objects, as far as it is served."""
    at = ("--bucket", BUCKET)
    api("put-bucket-versioning", *at, "--versioning-configuration", "Status=Enabled")
    assert api("get-bucket-versioning", *at)["Status"] == "Enabled"
    first = api("put-object", *at, "--key", "v", "--body", FOLDER / "body.txt")["VersionId"]
    api("put-object", *at, "--key", "v", "--body", write("second.txt", b"second"))
    api("delete-object", *at, "--key", "v")
    listed = api("list-object-versions", *at, "--prefix", "v")
    assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (2, 1)
    api("get-object", *at, "--key", "v", "--version-id", first, FOLDER / "first.txt")
    assert (FOLDER / "first.txt").read_bytes() == b"hello, bucket"
    api("put-object-tagging", *at, "--key", "k", "--tagging", json.dumps({"TagSet": [{"Key": "a", "Value": "b"}]}))
    assert api("get-object-tagging", *at, "--key", "k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    api("delete-object-tagging", *at, "--key", "k")
    attributes = api("get-object-attributes", *at, "--key", "k", "--object-attributes", "ETag", "ObjectSize")
    assert attributes["ObjectSize"] == 13

    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/public/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    api("put-bucket-policy", *at, "--policy", policy, fails="BlockPublicPolicy")
    api("delete-public-access-block", *at)
    api("put-bucket-policy", *at, "--policy", policy)
    assert api("get-bucket-policy-status", *at)["PolicyStatus"] == {"IsPublic": True}
    assert json.loads(api("get-bucket-policy", *at)["Policy"]) == json.loads(policy)
    api("delete-bucket-policy", *at)
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    api("put-bucket-cors", *at, "--cors-configuration", json.dumps({"CORSRules": [rule]}))
    assert api("get-bucket-cors", *at)["CORSRules"] == [rule]
    assert api("get-bucket-acl", *at)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert api("get-object-acl", *at, "--key", "k")["Owner"]["ID"]
    assert api("get-bucket-location", *at)["LocationConstraint"] is None
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}]
    api("put-bucket-lifecycle-configuration", *at, "--lifecycle-configuration", json.dumps({"Rules": rules}))
    assert api("get-bucket-lifecycle-configuration", *at)["Rules"] == rules
    api("put-bucket-tagging", *at, "--tagging", json.dumps({"TagSet": [{"Key": "team", "Value": "claims"}]}))
    assert api("get-bucket-tagging", *at)["TagSet"] == [{"Key": "team", "Value": "claims"}]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    api("put-bucket-encryption", *at, "--server-side-encryption-configuration", json.dumps({"Rules": [rule]}))
    kept = api("get-bucket-encryption", *at)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert kept["ApplyServerSideEncryptionByDefault"] == rule["ApplyServerSideEncryptionByDefault"]
    sealed = api("put-object", *at, "--key", "sealed", "--body", FOLDER / "body.txt")
    assert sealed["ServerSideEncryption"] == "AES256"


def refused() -> None:
    """What is not served says so by its name."""
    at = ("--bucket", BUCKET)
    faster = ("--accelerate-configuration", "Status=Enabled")
    api("put-bucket-accelerate-configuration", *at, *faster, fails="NotImplemented")
    api("put-bucket-website", *at, "--website-configuration", "IndexDocument={Suffix=i.html}", fails="NotImplemented")
    api("get-object-torrent", *at, "--key", "k", FOLDER / "x", fails="NotImplemented")


for step in (folders, large, objects, resources, refused):
    step()
