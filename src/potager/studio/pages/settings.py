"""Settings: how programs reach the server, who is signed in, what is set, room, versions, what doctor finds.

Doctor looks at the machine as a program of its own, after the page has come: some of its looks fork, which a server
with threads must not, and others take their time.
"""

from __future__ import annotations

import asyncio
import json
import platform
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from potager.compute import catalog
from potager.kernel.settings import Keys, Settings, declared
from potager.studio.asking import asking
from potager.studio.views import fragment, page

LIBRARIES = ("boto3", "botocore", "numpy", "sqlalchemy", "starlette", "uvloop")
"""What the server itself stands on, of which versions are told."""
PATIENCE = 60.0
"""Seconds that doctor has."""


@dataclass(frozen=True)
class Room:
    """Bytes of the disk that holds the data folder; `database`: the files of the rows, None where there are none."""

    total: int
    free: int
    database: int | None


def room(data: Path) -> Room:
    """How much room there is for a data folder."""
    usage = shutil.disk_usage(data)
    rows = [path.stat().st_size for path in (data / "potager.db", data / "potager.db-wal") if path.exists()]
    return Room(usage.total, usage.free, sum(rows) if rows else None)


def reaching(url: str, keys: Keys, region: str, *, secret: bool) -> str:
    """Lines for a shell, or an .env file, that lead AWS clients here; the secret only where it was asked for."""
    given = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key if secret else "...",
        "AWS_DEFAULT_REGION": region,
    }
    return "\n".join(f"export {name}='{value}'" for name, value in given.items())


def chosen(settings: Settings) -> list[dict[str, Any]]:
    """Every setting: its name, value and meaning. What is secret is told as given or not given."""
    found: list[dict[str, Any]] = []
    for each in declared():
        value = getattr(settings, each.name)
        if each.secret:
            value = "not told here" if value else "not given"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, tuple):
            value = ", ".join(cast("tuple[str, ...]", value))
        found.append({"name": each.name, "value": each.default or each.absent if value in (None, "") else value})
        found[-1] |= {"default": str(each.default), "help": each.help, "variable": each.variable}
    return found


def versions() -> dict[str, str]:
    """Of Potager, Python, what the server stands on, and what its images compute with."""
    needed: dict[str, str | None] = {}
    for each in catalog.REPOSITORIES.items():
        needed |= catalog.Image(*each).versions()
    libraries = {name: metadata.version(name) for name in LIBRARIES} | {n: v for n, v in needed.items() if v}
    own = {"Potager": metadata.version("potager"), "Python": platform.python_version(), "System": platform.platform()}
    return own | dict(sorted(libraries.items()))


async def show(request: Request) -> Response:
    """The page."""
    state = request.app.state
    settings: Settings = state.settings
    buckets, space, found = await asyncio.gather(
        asking(request)("s3", "ListBuckets"), asyncio.to_thread(room, settings.data), asyncio.to_thread(versions)
    )
    url = str(request.base_url).rstrip("/")
    return page(
        request,
        "settings/settings.html",
        reach=reaching(url, state.keys, settings.region, secret=False),
        settings=settings,
        until=datetime.fromtimestamp(request.state.person.until, UTC),
        chosen=chosen(settings),
        room=space,
        buckets=len(buckets.get("Buckets", ())),
        versions=found,
    )


async def secret(request: Request) -> Response:
    """The lines with the secret in them, for who asks for it."""
    state = request.app.state
    url = str(request.base_url).rstrip("/")
    text = reaching(url, state.keys, state.settings.region, secret=True)
    return HTMLResponse(fragment(request, "settings/secret.html", reach=text))


async def doctor(request: Request) -> Response:
    """What doctor finds."""
    command = [sys.executable, "-m", "potager", "doctor", "--format", "json"]
    command += ["--data", str(request.app.state.settings.data)]
    pipe = asyncio.subprocess.PIPE
    looking = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, stdin=asyncio.subprocess.DEVNULL)
    try:
        told, said = await asyncio.wait_for(looking.communicate(), PATIENCE)
    except TimeoutError:
        looking.kill()
        await looking.wait()
        told, said = b"", b"It did not come to an end. Ask it on the machine: potager doctor"
    findings: list[dict[str, str]] = json.loads(told) if looking.returncode == 0 else []
    problem = "" if looking.returncode == 0 else said.decode(errors="replace")[-1000:]
    return HTMLResponse(fragment(request, "settings/doctor.html", findings=findings, problem=problem))


ROUTES = [
    Route("/settings", show),
    Route("/settings/secret", secret, methods=["POST"]),
    Route("/settings/doctor", doctor),
]
