"""Other S3 servers to be measured beside: moto_server (`control.moto`), and npm's s3rver where there is npm."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

S3RVER = "3.7.1"


def s3rver_program(folder: Path) -> str | None:
    """Installs s3rver into a folder; its program, or None with a word where that cannot be."""
    if shutil.which("npm") is None:
        return None
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"s3rver@{S3RVER}"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    program = folder / "node_modules" / ".bin" / "s3rver"
    return str(program) if done.returncode == 0 and program.exists() else None


def seed_s3rver(data: Path, bucket: str, keys: list[str]) -> None:
    """Puts objects of one byte where s3rver keeps its own."""
    md5 = hashlib.md5(b"x", usedforsecurity=False).hexdigest()
    for key in keys:
        path = data / bucket / f"{key}._S3rver_object"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        path.with_name(path.name + ".md5").write_text(md5)
        (path.parent / path.name.replace("_object", "_metadata.json")).write_text("{}")


@contextlib.contextmanager
def s3rver(program: str, data: Path) -> Iterator[str]:
    """The URL of an s3rver on that folder, which ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--silent", "--directory", str(data), "--address", "127.0.0.1", "--port", str(port)]
    # its tokens of listings are made with a cipher that OpenSSL 3 counts as legacy
    environment = {**os.environ, "NODE_ENV": "production", "NODE_OPTIONS": "--openssl-legacy-provider"}
    with tempfile.TemporaryFile() as log:
        # in a session of its own, as Potager is: where sessions share a busy machine, that counts
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            while not _listens(port):
                if process.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"s3rver ended before it listened:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
