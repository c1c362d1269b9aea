"""Studio's pages with ten training jobs and with ten thousand, what the first load weighs, and what it costs a start.

The jobs are rows: one that was trained, ended, and written ten thousand times under other names while no server is up;
so are a tenth as many models, endpoint configurations, processing and tuning jobs.
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
from tests.clients.processing import Processing
from tests.clients.tuning import Tuning

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
    "data": "/data",
    "a bucket": "/data/{bucket}",
    "models": "/models",
    "a model": "/models/model-00007",
    "configurations": "/endpoint-configs",
    "processing jobs": "/processing-jobs",
    "tuning jobs": "/tuning-jobs",
    "endpoints": "/endpoints",
    "new training job": "/new/training-job",
    "new tuning job": "/new/tuning-job",
    "deploy a model": "/new/endpoint",
    "new transform job": "/new/transform-job",
    "compare two": "/compare?job=job-00007&job=job-00008",
    "compare, a choice": "/compare",
    "logs": "/logs",
    "events": "/events",
    "alarms": "/alarms",
    "tutorial": "/tutorial",
}
RUNS = 10


def main() -> None:
    """Pages at both sizes, then the first load's bytes, then the start's cost."""
    with tempfile.TemporaryDirectory() as folder:
        with potager.local(folder) as server:
            bucket, made = one_of_each(server)
        for count in (FEW, MANY):
            for kind, name in made.items():
                fill(Path(folder), kind, name, count if kind == "training-job" else max(FEW, count // 10))
            with potager.local(folder) as server:
                visit(server, count, bucket)
    first()


def one_of_each(server: potager.Local) -> tuple[str, dict[str, str]]:
    """The bucket, and by the kind of its row the name of something that has ended."""
    tuning, processing = Tuning(server), Processing(server)
    road = tuning.road
    trained = road.train_once()
    model = road.model("model", trained)
    tuned = tuning.run("tuned", train="print('height=0.5;')", jobs=1)["HyperParameterTuningJobName"]
    return road.bucket, {
        "training-job": trained["TrainingJobName"],
        "model": model,
        "endpoint-config": road.config("config", model),
        "processing-job": processing.run("processed", "print('done')")["ProcessingJobName"],
        "hyper-parameter-tuning-job": tuned,
    }


def fill(data: Path, kind: str, name: str, count: int) -> None:
    """So many rows like the one of a name; one in fifty has failed."""
    with sqlite3.connect(data / "potager.db") as database:
        columns = [each[1] for each in database.execute("PRAGMA table_info(rows)")]
        found = database.execute("SELECT * FROM rows WHERE kind = ? AND name = ?", [kind, name]).fetchone()
        row = dict(zip(columns, found, strict=True))
        made = [like(row, kind.rpartition("-")[2], number) for number in range(count)]
        marks = ", ".join("?" * len(columns))
        database.executemany(f"INSERT OR REPLACE INTO rows VALUES ({marks})", made)
    database.close()


def like(row: dict[str, object], word: str, number: int) -> list[object]:
    name, status = f"{word}-{number:05}", "Failed" if number % 50 == 0 else "Completed"
    doc = json.loads(str(row["doc"]).replace(str(row["name"]), name))
    for member in doc:
        if member.endswith("Status") and isinstance(doc[member], str):
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


def visit(server: potager.Local, count: int, bucket: str) -> None:
    """Each page, many times over."""
    browser = Browser(server)
    say(f"with {count:,} training jobs   (goal: at most 100 ms each)")
    for name, address in PAGES.items():
        path = address.format(bucket=bucket)
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
