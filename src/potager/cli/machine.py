"""What this machine offers to a server and its jobs, one finding a question; a problem comes with its remedy."""

from __future__ import annotations

import errno
import os
import platform
import resource
import shutil
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib import metadata
from pathlib import Path
from typing import Any

from potager.cli import folder
from potager.compute import budget, catalog
from potager.kernel.errors import Fault, Invalid
from potager.kernel.hosts import is_loopback
from potager.kernel.settings import Settings

ENOUGH_DISK = 2 << 30
ENOUGH_MEMORY = 1 << 30
ENOUGH_FILES = 4096
"""Fewer, and many clients at once run into the limit. `up` raises its own limit as far as it may."""

NETWORK_FILESYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "glusterfs", "fuse.sshfs")
"""Where locks and shared memory, which SQLite needs, cannot be relied on."""

SOON = timedelta(days=14)
"""A certificate that ends within is told of."""

EXTRAS = {"demo": ("matplotlib", "pandas", "scikit-learn")}
"""Each extra's distributions, as pyproject.toml has them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `problem`: what is wrong and what helps, "" when all is well."""

    name: str
    value: str
    problem: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it is told."""
    data = settings.data
    found = [_python(), _isolation(), _memory_limits(), _cores(), _memory(), _shared(settings), _disk(data)]
    found += [_file_system(data), _files(), _server(data), _port(settings.host, settings.port), _tls(settings)]
    found += [_database(settings), _mounts(data)]
    return [*found, *(_extra(name) for name in EXTRAS), *_images()]


def isolation(wanted: str) -> str:
    """How jobs are kept apart here, in words; `Invalid` when that is less than was asked for.

    Forks: call it while the process has one thread.
    """
    from potager.compute.process.isolation import probe

    if wanted == "none":
        return "none, as the settings ask"
    offered = probe()
    if wanted == "namespaces" and offered.level != "namespaces":
        raise Invalid(
            f"isolation: this machine does not offer namespaces ({offered.why}). Allow user namespaces or run as root; "
            "or start with --isolation auto, and jobs can reach what this user can."
        )
    return str(offered)


def _python() -> Finding:
    known = f"Python {platform.python_version()}, {sys.executable}, {platform.platform()}"
    return Finding("system", f"Potager {metadata.version('potager')}, {known}")


def _isolation() -> Finding:
    from potager.compute.process.isolation import probe

    found = probe()
    if found.level == "namespaces":
        return Finding("isolation", "namespaces: a job sees its own files and processes, and no network")
    return Finding(
        "isolation",
        str(found),
        "Jobs can reach whatever this user can. Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0), or run as root in a container that may unshare.",
    )


def _memory_limits() -> Finding:
    from potager.compute.process.limits import Group

    group = Group.make(f"doctor-{os.getpid()}", ENOUGH_MEMORY)
    if group is None:
        return Finding("memory limits", "watched twice a second, since no control group can be made here")
    version = group.version
    group.remove()
    return Finding("memory limits", f"by control groups, version {version}")


def _cores() -> Finding:
    quota = budget.quota()
    limited = f", {quota:g} by the container's quota" if quota else ""
    return Finding("cores", f"{budget.usable()}{limited}")


def _memory() -> Finding:
    total, most = budget.installed(), budget.memory()
    problem = "" if most >= ENOUGH_MEMORY else "Training wants more. Give the machine or the container at least 1 GiB."
    within = f" ({_size(total)} in the machine)" if most < total else ""
    return Finding("memory", _size(most) + within, problem)


def _shared(settings: Settings) -> Finding:
    return Finding("for jobs", f"{budget.of(settings)}, shared out by instance types")


def _disk(data: Path) -> Finding:
    there = _existing(data)
    usage = shutil.disk_usage(there)
    value = f"{_size(usage.free)} free of {_size(usage.total)} for {data}"
    if not os.access(there, os.W_OK):
        return Finding("disk", value, f"This user cannot write to {there}. Choose another folder with --data.")
    problem = "" if usage.free >= ENOUGH_DISK else "Less than 2 GiB are free. Make room, or choose another with --data."
    return Finding("disk", value, problem)


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _file_system(data: Path) -> Finding:
    there, kind = _existing(data).resolve(), "unknown"
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return Finding("file system", kind)
    longest = max((point for point, _ in mounts if there.is_relative_to(point)), key=len, default="")
    kind = next((kind for point, kind in reversed(mounts) if point == longest), kind)
    shared = kind in NETWORK_FILESYSTEMS
    problem = "SQLite cannot rely on the locks of a network file system. Choose a local folder with --data."
    return Finding("file system", kind, problem if shared else "")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard}"
    low = hard != resource.RLIM_INFINITY and hard < ENOUGH_FILES
    problem = f"Raise it (ulimit -Hn {ENOUGH_FILES}, or LimitNOFILE in a systemd unit)." if low else ""
    return Finding("open files", f"{soft}, {most}", problem)


def raise_file_limit() -> None:
    """Lets this process open as many files as it may, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _server(data: Path) -> Finding:
    server = folder.running(data)
    if server is None:
        return Finding("server", f"none is up on {data}")
    return Finding("server", f"{server.url}, process {server.pid}, on {data}")


def _port(host: str, port: int) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            return _taken(host, port, error)
    return Finding("port", f"{port} of {host} is free")


def _taken(host: str, port: int, error: OSError) -> Finding:
    if error.errno != errno.EADDRINUSE:
        return Finding("port", f"{port} of {host}: {error.strerror}", "Choose others with --host and --port.")
    if _is_potager(host, port):
        return Finding("port", f"{port} of {host} is a Potager server's")
    return Finding("port", f"{port} of {host} is another program's", "Start with --port 0, or another port.")


def _is_potager(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing of ours is said to it
    return _is_healthy(HTTPSConnection(host, port, timeout=2, context=context)) or _is_healthy(
        HTTPConnection(host, port, timeout=2)
    )


def _is_healthy(connection: HTTPConnection) -> bool:
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status == 200 and b'"ready"' in answer.read(200)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _tls(settings: Settings) -> Finding:
    from potager.cli import certificates

    if (server := folder.running(settings.data)) and server.url.startswith("https:") and not settings.secure:
        return Finding("tls", "https by the server that is up; plain http by the settings of this command")
    if not settings.secure:
        problem = "Other machines get in by plain http. Start with --tls." if not is_loopback(settings.host) else ""
        return Finding("tls", "off: plain http", problem)
    if settings.tls_certificate is None:
        return Finding("tls", f"https, by the data folder's own authority, {settings.data / 'ca/server.pem'}")
    try:
        ends = certificates.ends(settings.tls_certificate)
    except Invalid as fault:
        return Finding("tls", f"https, by {settings.tls_certificate}", fault.message)
    problem = "" if ends > datetime.now(UTC) + SOON else f"It ends on {ends:%Y-%m-%d}. Put a new one in its place."
    return Finding("tls", f"https, by {settings.tls_certificate}, until {ends:%Y-%m-%d}", problem)


def _database(settings: Settings) -> Finding:
    """Where rows are. A Postgres is asked whether it answers, and changed in nothing."""
    from potager.store import database, snapshot

    if settings.database == "sqlite":
        return Finding("database", f"SQLite, {settings.data / database.FILE}")
    url = database.located(settings.database, settings.data)
    named = f"Postgres, {url.database} on {url.host or 'this machine'}"
    try:
        return Finding("database", f"{named}, version {snapshot.version(url)}")
    except Fault as fault:
        return Finding("database", named, fault.message)


def _mounts(data: Path) -> Finding:
    from potager.store.mounts.declared import FILE, read

    try:
        said = read(data / FILE)
    except Invalid as fault:
        return Finding("mounts", "cannot be read", fault.message)
    gone = [f"{bucket} ({each['folder']})" for bucket, each in said.items() if not _is_there(each)]
    problem = f"No such folder: {', '.join(gone)}. Bring it back, or: potager unmount BUCKET." if gone else ""
    if any("url" in each for each in said.values()) and not _installed("obstore"):
        problem = "Other object stores are read by obstore: pip install 'potager[mounts]'"
    return Finding("mounts", ", ".join(said) or "none", problem)


def _is_there(mount: dict[str, Any]) -> bool:
    return "url" in mount or Path(mount["folder"]).is_dir()


def _extra(name: str) -> Finding:
    absent = missing(name)
    if not absent:
        return Finding(f"extra {name}", "installed")
    return Finding(f"extra {name}", f"without {', '.join(absent)}", f"If you want it: pip install 'potager[{name}]'")


def _images() -> list[Finding]:
    """Of each extra that images need, whether it is there. One that is not is no problem: nobody may ask for it."""
    images = [catalog.Image(*each) for each in catalog.REPOSITORIES.items()]
    return [
        Finding(f"extra {extra}", _for([image for image in images if image.extra == extra]))
        for extra in sorted({image.extra for image in images} - {""})
    ]


def _for(images: Sequence[catalog.Image]) -> str:
    """Whether images that share an extra can run, and what has them run."""
    named = ", ".join(image.repository for image in images)
    if any(image.missing() for image in images):
        return f"for {named}: pip install 'potager[{images[0].extra}]'"
    return f"installed, for {named}"


def missing(extra: str) -> list[str]:
    """The distributions of an extra that are not installed."""
    return [each for each in EXTRAS[extra] if not _installed(each)]


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
