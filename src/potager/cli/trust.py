"""Whom a command trusts: all that it trusted before, and our authority.

Each client reads a variable of its own. Each variable gets a file with what it named before, or with the defaults when
it named nothing, and our certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from potager.cli.folder import write_atomically

ALWAYS = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""botocore and the AWS CLI, requests, curl, OpenSSL and Go."""
ADDED = ("NODE_EXTRA_CA_CERTS",)
"""Node's: read beside its built-in list, not in its place."""
WHEN_SET = ("PIP_CERT", "GIT_SSL_CAINFO", "HTTPLIB2_CA_CERTS", "NIX_SSL_CERT_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
"""Those that are left alone unless the environment uses them."""
KNOWN = (*ALWAYS, *ADDED, *WHEN_SET)

BEGIN = b"-----BEGIN CERTIFICATE-----"


def variables(certificate: bytes, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables to set; their files are written to `folder`."""
    files: dict[str, str] = {}
    for name in (*ALWAYS, *ADDED, *(name for name in WHEN_SET if environ.get(name))):
        known = environ.get(name, "")
        before = trusted(Path(known)) if known else b"" if name in ADDED else defaults(environ)
        path = folder / f"{name.lower()}.pem"
        # Nothing twice: the file may be our own of before, or begin with one of ours.
        _put(path, before if certificate in before else b"\n".join([certificate, before]))
        files[name] = str(path)
    return files


def _put(path: Path, content: bytes) -> None:
    """Writes a file at once, and only where it changes: a program of an earlier server's job may be reading it."""
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content, mode=0o600)


def trusted(path: Path) -> bytes:
    """The certificates in a file, or in the files of a folder."""
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    contents = (_content(each) for each in paths)
    return b"\n".join(content for content in contents if BEGIN in content)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a client that was told of it would have trusted nothing either
        return b""


def defaults(environ: Mapping[str, str]) -> bytes:
    """What clients trust when nobody tells them: the system's authorities and Mozilla's list as Python brings it."""
    paths = [Path(environ.get("SSL_CERT_FILE") or _system()), *_bundled()]
    return b"\n".join(trusted(path) for path in paths)


def _system() -> str:
    known = ssl.get_default_verify_paths()
    usual = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    return next((each for each in (known.openssl_cafile, *usual) if Path(each).is_file()), known.openssl_cafile)


def _bundled() -> list[Path]:
    for package in ("certifi", "botocore"):
        spec = find_spec(package)
        if spec is not None and spec.origin:
            return [Path(spec.origin).with_name("cacert.pem")]
    return []
