"""Programs that people keep data with: AWS CLI, rclone, s3cmd, DuckDB, Polars, pyarrow, s3fs, MinIO's client.

They live in `.venv/clients` (`make test` sets it up from clients.txt). What is written in Python runs as one program
of `programs/`; rclone and s3cmd are called as a shell would call them.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import potager

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv/clients/bin"
PROGRAMS = Path(__file__).parent / "programs"
LARGE = 20_000_000
"""Bytes of a large file: several parts for every program."""

Call = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    if not (BIN.parent / "ready").exists():
        pytest.skip(f"{BIN.parent} is not there; `make test` sets it up")


@pytest.fixture(scope="module")
def secure() -> Iterator[potager.Local]:
    with potager.local(tls=True) as running:
        yield running


@pytest.fixture(params=["http", "https"])
def place(request: pytest.FixtureRequest, server: Any) -> Any:
    """The session's server by http, and one by https."""
    return server if request.param == "http" else request.getfixturevalue("secure")


def environment(place: Any, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    return kept | place.env | {"HOME": str(home), "AWS_CONFIG_FILE": os.devnull, "PYTHONWARNINGS": "ignore"}


def run(place: Any, home: Path, *words: str | Path, stdin: bytes = b"", status: int = 0) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(
        command, input=stdin, capture_output=True, timeout=300, env=environment(place, home), cwd=home
    )
    assert done.returncode == status, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode() + done.stderr.decode() * bool(status)


def program(place: Any, home: Path, name: str, *arguments: str | Path) -> None:
    run(place, home, BIN / "python", PROGRAMS / name, *arguments)


def test_the_aws_cli(place: Any, tmp_path: Path) -> None:
    program(place, tmp_path, "clients_aws_cli.py", tmp_path, str(LARGE))


def test_boto3_moves_large_files_in_parts_by_threads(place: Any, tmp_path: Path) -> None:
    from boto3.s3.transfer import TransferConfig

    s3 = place.client("s3")
    s3.create_bucket(Bucket="transfers")
    size = 104_857_611
    block = os.urandom(1 << 20)
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(block)
        file.write(b"end of file")
    config = TransferConfig(multipart_chunksize=8 << 20, max_concurrency=8)
    s3.upload_file(str(path), "transfers", "large", ExtraArgs={"Metadata": {"k": "v"}}, Config=config)
    head = s3.head_object(Bucket="transfers", Key="large")
    assert (head["ContentLength"], head["Metadata"]) == (size, {"k": "v"})
    s3.copy({"Bucket": "transfers", "Key": "large"}, "transfers", "copy", Config=config)
    for key in ("large", "copy"):
        back = tmp_path / key
        s3.download_file("transfers", key, str(back), Config=config)
        assert subprocess.run(["cmp", path, back], check=False).returncode == 0
        back.unlink()
    with path.open("rb") as file:
        s3.upload_fileobj(file, "transfers", "object", Config=config)
    middle = s3.get_object(Bucket="transfers", Key="object", Range="bytes=104857590-104857610")["Body"].read()
    assert middle == block[-10:] + b"end of file"
    s3.delete_objects(Bucket="transfers", Delete={"Objects": [{"Key": key} for key in ("large", "copy", "object")]})
    s3.delete_bucket(Bucket="transfers")


def test_pyarrow(place: Any, tmp_path: Path) -> None:
    program(place, tmp_path, "clients_pyarrow.py", str(LARGE))


def test_s3fs_and_pandas(place: Any, tmp_path: Path) -> None:
    program(place, tmp_path, "clients_s3fs.py", str(LARGE), tmp_path / "large.bin")


def test_duckdb_and_polars(server: Any, tmp_path: Path) -> None:
    server.client("s3").create_bucket(Bucket="tables")
    program(server, tmp_path, "clients_tables.py", "tables")


def test_minios_own_client(place: Any, tmp_path: Path) -> None:
    program(place, tmp_path, "clients_minio.py", str(LARGE))


@pytest.fixture
def rclone(place: Any, tmp_path: Path) -> Call:
    """Runs rclone; `p:` is the server."""
    remote = f"--s3-provider=Other --s3-env-auth --s3-endpoint={place.url} --config={os.devnull}".split()

    def call(*words: str | Path, **more: Any) -> str:
        named = [f":s3{word[1:]}" if isinstance(word, str) and word.startswith("p:") else word for word in words]
        return run(place, tmp_path, BIN / "rclone", *remote, *named, **more)

    return call


def tree(home: Path) -> Path:
    """A folder with names of several kinds and a file of several parts."""
    folder = home / "tree"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub/b c+&.txt").write_text("b")
    (folder / "sub/deep/ü.txt").write_text("ü")
    (folder / "empty.txt").write_text("")
    (folder / "large.bin").write_bytes(os.urandom(LARGE))
    return folder


FILES = ["a.txt", "empty.txt", "large.bin", "sub/b c+&.txt", "sub/deep/ü.txt"]


def test_rclone(rclone: Call, place: Any, tmp_path: Path) -> None:
    folder = tree(tmp_path)
    rclone("mkdir", "p:rclone-claims")
    parts = ("--s3-chunk-size", "5M", "--s3-upload-cutoff", "6M")
    rclone("copy", folder, "p:rclone-claims/tree", *parts)
    assert sorted(rclone("lsf", "-R", "--files-only", "p:rclone-claims/tree").splitlines()) == FILES
    rclone("check", "--download", folder, "p:rclone-claims/tree")
    rclone("check", folder, "p:rclone-claims/tree")  # by hash
    assert rclone("cat", "p:rclone-claims/tree/sub/b c+&.txt") == "b"
    rclone("rcat", "p:rclone-claims/piped.txt", stdin=b"from a pipe")
    assert rclone("cat", "p:rclone-claims/piped.txt") == "from a pipe"
    assert rclone("cat", "--offset", "7", "--count", "4", "p:rclone-claims/piped.txt") == "pipe"
    (folder / "a.txt").unlink()
    (folder / "new.txt").write_text("new")
    rclone("sync", folder, "p:rclone-claims/tree", *parts)
    assert "tree/a.txt" not in rclone("lsf", "-R", "p:rclone-claims").splitlines()
    rclone("sync", "p:rclone-claims/tree", "p:rclone-claims/copy", *parts)  # on the server, in parts
    rclone("check", "--download", folder, "p:rclone-claims/copy")
    rclone("moveto", "p:rclone-claims/copy/new.txt", "p:rclone-claims/copy/moved.txt")
    assert json.loads(rclone("size", "--json", "p:rclone-claims/tree"))["count"] == 5
    found = json.loads(rclone("lsjson", "--stat", "p:rclone-claims/copy/moved.txt"))
    assert (found["Size"], found["ModTime"][:4] > "2000") == (3, True)
    rclone("touch", "p:rclone-claims/copy/moved.txt", "--timestamp", "2020-01-02T03:04:05")
    assert rclone("lsf", "--format", "t", "p:rclone-claims/copy/moved.txt").startswith("2020-01-02")
    back = tmp_path / "back"
    rclone("copy", "p:rclone-claims/tree", back, "--multi-thread-streams", "4", "--multi-thread-cutoff", "5M")
    assert (back / "large.bin").read_bytes() == (folder / "large.bin").read_bytes()
    link = rclone("link", "--expire", "1h", "p:rclone-claims/piped.txt")
    assert "X-Amz-Signature=" in link
    rclone("backend", "versioning", "p:rclone-claims", "Enabled")
    rclone("rcat", "p:rclone-claims/piped.txt", stdin=b"second")
    rclone("deletefile", "p:rclone-claims/piped.txt")
    old = rclone("lsf", "--s3-versions", "p:rclone-claims", "--files-only").split()
    assert len(old) == 2
    assert rclone("cat", "--s3-versions", f"p:rclone-claims/{min(old)}") in ("from a pipe", "second")
    rclone("cleanup", "p:rclone-claims")
    rclone("backend", "cleanup-hidden", "p:rclone-claims")
    rclone("purge", "p:rclone-claims/tree")
    rclone("delete", "p:rclone-claims")
    rclone("backend", "cleanup-hidden", "p:rclone-claims")
    rclone("rmdir", "p:rclone-claims")
    assert "rclone-claims/" not in rclone("lsf", "p:").splitlines()


@pytest.fixture
def s3cmd(server: Any, tmp_path: Path) -> Call:
    host = server.url.partition("://")[2]
    options = ["--access_key", server.env["AWS_ACCESS_KEY_ID"], "--secret_key", server.env["AWS_SECRET_ACCESS_KEY"]]
    options += ["--host", host, "--host-bucket", host, "--no-ssl", "--no-progress", "--config", os.devnull]

    def call(*words: str | Path, **more: Any) -> str:
        return run(server, tmp_path, BIN / "python", BIN / "s3cmd", *options, *words, **more)

    return call


def test_s3cmd(s3cmd: Call, tmp_path: Path) -> None:
    folder = tree(tmp_path)
    s3cmd("mb", "s3://s3cmd-claims")
    assert "s3cmd-claims" in s3cmd("--signature-v2", "ls")  # told to sign by version 4, it does
    s3cmd("put", "--multipart-chunk-size-mb=5", folder / "large.bin", "s3://s3cmd-claims/large.bin")
    s3cmd("get", "s3://s3cmd-claims/large.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == (folder / "large.bin").read_bytes()
    s3cmd("sync", f"{folder}/", "s3://s3cmd-claims/tree/", "--exclude", "large.bin")
    listed = [
        line.rpartition("s3://s3cmd-claims/")[2] for line in s3cmd("ls", "-r", "s3://s3cmd-claims/tree/").splitlines()
    ]
    assert sorted(listed) == [f"tree/{name}" for name in FILES if name != "large.bin"]
    (folder / "a.txt").unlink()
    (folder / "new.txt").write_text("new")
    s3cmd("sync", "--delete-removed", f"{folder}/", "s3://s3cmd-claims/tree/", "--exclude", "large.bin")
    assert "tree/a.txt" not in s3cmd("ls", "-r", "s3://s3cmd-claims")
    s3cmd("cp", "s3://s3cmd-claims/large.bin", "s3://s3cmd-claims/copy.bin")
    s3cmd("mv", "s3://s3cmd-claims/copy.bin", "s3://s3cmd-claims/moved.bin")
    assert f"File size: {LARGE}" in s3cmd("info", "s3://s3cmd-claims/moved.bin")
    s3cmd("modify", "--add-header=Cache-Control:max-age=9", "s3://s3cmd-claims/tree/new.txt")
    s3cmd("setacl", "--acl-private", "s3://s3cmd-claims/tree/new.txt")
    assert "Location:  us-east-1" in s3cmd("info", "s3://s3cmd-claims")
    assert s3cmd("du", "s3://s3cmd-claims/moved.bin").split()[0] == str(LARGE)
    s3cmd("get", "s3://s3cmd-claims/absent", tmp_path / "absent", status=64)
    policy = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::s3cmd-claims/no/*",
    }
    (tmp_path / "policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    s3cmd("setpolicy", tmp_path / "policy.json", "s3://s3cmd-claims")
    assert "s3cmd-claims/no/*" in s3cmd("info", "s3://s3cmd-claims")
    s3cmd("delpolicy", "s3://s3cmd-claims")
    rule = "<ID>r</ID><Prefix>tmp/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"
    rules = f"<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>"
    (tmp_path / "rules.xml").write_text(rules)
    s3cmd("setlifecycle", tmp_path / "rules.xml", "s3://s3cmd-claims")
    assert "<Days>1</Days>" in s3cmd("getlifecycle", "s3://s3cmd-claims")
    rule = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    cors = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>"
    (tmp_path / "cors.xml").write_text(cors)
    s3cmd("setcors", tmp_path / "cors.xml", "s3://s3cmd-claims")
    assert "<AllowedMethod>GET</AllowedMethod>" in s3cmd("info", "s3://s3cmd-claims")
    s3cmd("delcors", "s3://s3cmd-claims")
    s3cmd("setversioning", "s3://s3cmd-claims", "enable")
    s3cmd("settagging", "s3://s3cmd-claims/moved.bin", "kind=claim")
    assert "kind" in s3cmd("gettagging", "s3://s3cmd-claims/moved.bin")
    assert "moved.bin" in s3cmd("signurl", "s3://s3cmd-claims/moved.bin", "+60")
    s3cmd("del", "--recursive", "--force", "s3://s3cmd-claims")
    assert s3cmd("ls", "s3://s3cmd-claims") == ""
