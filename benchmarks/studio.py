"""Studio's pages with ten training jobs and with ten thousand, what the first load weighs, and what it costs a start.

The jobs are rows: one that was trained, ended, and written ten thousand times under other names while no server is up.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import potager
from benchmarks.measure import milliseconds, proportional_memory, say, seconds, tree
from tests.clients.road import Road

FEW, MANY = 10, 10_000
ROOT = "/_studio"
PAGES = {
    "home": "/",
    "jobs": "/training-jobs",
    "jobs, by name": "/training-jobs?name=job-0077",
    "jobs that failed": "/training-jobs?status=Failed",
    "jobs, sorted by status": "/training-jobs?sort=Status&order=Ascending",
    "a job": "/training-jobs/job-00007",
    "a search": "/search?q=job-0042",
    "settings": "/settings",
}
RUNS = 30


def main() -> None:
    """Pages at both sizes, then the first load's bytes, then the start's cost."""
    with tempfile.TemporaryDirectory() as folder:
        with potager.local(folder) as server:
            trained = Road(server).train_once()["TrainingJobName"]
        for count in (FEW, MANY):
            fill(Path(folder), trained, count)
            with potager.local(folder) as server:
                visit(server, count)
    first()


def fill(data: Path, trained: str, count: int) -> None:
    """So many jobs like the one that was trained; one in fifty has failed."""
    with sqlite3.connect(data / "potager.db") as database:
        columns = [each[1] for each in database.execute("PRAGMA table_info(rows)")]
        found = database.execute("SELECT * FROM rows WHERE kind = 'training-job' AND name = ?", [trained]).fetchone()
        row = dict(zip(columns, found, strict=True))
        made = [like(row, number) for number in range(count)]
        marks = ", ".join("?" * len(columns))
        database.executemany(f"INSERT OR REPLACE INTO rows VALUES ({marks})", made)
    database.close()


def like(row: dict[str, object], number: int) -> list[object]:
    name, status = f"job-{number:05}", "Failed" if number % 50 == 0 else "Completed"
    doc = json.loads(str(row["doc"]))
    for member in ("TrainingJobStatus", "SecondaryStatus"):
        if member in doc:
            doc[member] = status
    doc["FailureReason"] = "ClientError: made up by a benchmark"
    own = {"name": name, "arn": str(row["arn"]).replace(str(row["name"]), name), "status": status}
    own |= {"doc": json.dumps(doc), "created": float(str(row["created"])) + number}
    return list((row | own).values())


class Browser:
    """One kept connection that is signed in."""

    def __init__(self, server: potager.Local) -> None:
        where = urlsplit(server.url)
        self.line = http.client.HTTPConnection(where.hostname or "", where.port)
        keys = {
            "access_key": server.env["AWS_ACCESS_KEY_ID"],
            "secret_key": server.env["AWS_SECRET_ACCESS_KEY"],
        }
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        self.headers = {"Accept-Encoding": "gzip"}
        self.line.request("POST", ROOT + "/sign-in", urlencode(keys), kind)
        answer = self.line.getresponse()
        answer.read()
        self.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]

    def get(self, path: str) -> bytes:
        """The bytes that travel for a page below Studio's address."""
        self.line.request("GET", ROOT + path, headers=self.headers)
        answer = self.line.getresponse()
        content = answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {content[:500]!r}"
        return content


def visit(server: potager.Local, count: int) -> None:
    """Each page, many times over."""
    browser = Browser(server)
    say(f"with {count:,} training jobs   (goal: at most 100 ms each)")
    for name, path in PAGES.items():
        taken = seconds(lambda path=path: browser.get(path), RUNS, 3)
        say(f"  {name:<24} {milliseconds(taken)}")
    began = time.perf_counter()
    size = len(browser.get("/training-jobs.csv"))
    say(f"  {'all as CSV':<24} once {(time.perf_counter() - began) * 1e3:8.1f} ms, {size / 1e3:.0f} KB on the wire")


def first() -> None:
    """A browser's first load: the page and all that it names; and what Studio adds to an idle server."""
    with potager.local() as server:
        before = proportional_memory(tree(server.pid))
        browser = Browser(server)
        began = time.perf_counter()
        page = browser.get("/")
        opened = time.perf_counter() - began
        names = re.findall(r'(?:src|href)="/_studio(/static/[^"]+)"', gzip.decompress(page).decode())
        parts = {name.partition("?")[0]: len(browser.get(name)) for name in dict.fromkeys(names)}
        after = proportional_memory(tree(server.pid))
    total = len(page) + sum(parts.values())
    say(f"first load             {total / 1e3:8.1f} KB compressed, {1 + len(parts)} requests   (goal: at most 300 KB)")
    for name, size in sorted(parts.items(), key=lambda each: -each[1]):
        say(f"  {size / 1e3:8.1f} KB  {name}")
    say(f"first page of a server {opened * 1e3:8.1f} ms, Studio's own imports included")
    say(f"memory (PSS)           {after - before:8.1f} MB more than before the first page, of {after:.1f} MB")
    imported = "import sys, potager.cli.main, potager.studio.front; print('starlette' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", imported], check=True, capture_output=True, text=True).stdout.strip()
    say(f"a start imports Starlette: {told}   (goal: False)")
