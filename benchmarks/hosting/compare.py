"""One row a request: Potager beside every peer, the same models, one after the other on the same machine.

    rows      requests/s and p99 at 1, 32 and 256 connections, as CSV and as JSON
    limit     the same rows in one process, without a server: parsed, predicted, written

Potager's requests are signed, and their signatures are verified; its peers are asked without. The client is one thread
on the same cores (`load.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import potager
from benchmarks.hosting import load, models, peers
from benchmarks.hosting.load import Load
from benchmarks.hosting.models import SCRIPT, Models
from benchmarks.measure import say
from tests.clients.road import ROLE, WAIT

SECONDS = float(os.environ.get("POTAGER_BENCH_SECONDS", "4"))
"""That each row lasts."""
CONNECTIONS = (1, 32, 256)
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
IMAGES = {
    "xgboost": f"{REGISTRY}/sagemaker-xgboost:1.7-1",
    "pipeline": f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3",
}
RESULTS = "benchmarks/hosting/results.json"


def main() -> None:
    """Everybody in turn; writes `results.json`, which `chart.py` draws."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        made = models.make(Path(folder))
        for engine in ("xgboost", "pipeline"):
            say(f"### {engine}")
            found += _limit(made, engine)
            found += _ours(made, engine)
            for peer in peers.PEERS:
                for served in peer.engines:
                    if (served == "pipeline") == (engine == "pipeline"):
                        found += _theirs(peer, made, served, engine)
    Path(RESULTS).write_text(json.dumps(found, indent=1) + "\n")


def _row(model: str, who: str, kind: str, connections: int, got: Load) -> dict[str, Any]:
    say(f"{who:28} {kind:4} {connections:4}  {got}")
    p = {"p50": got.taken[len(got.taken) // 2], "p99": got.taken[int(len(got.taken) * 0.99)]}
    milliseconds = {name: round(each * 1e3, 3) for name, each in p.items()}
    return {
        "model": model,
        "who": who,
        "kind": kind,
        "connections": connections,
        "rate": round(got.rate),
    } | milliseconds


def _limit(made: Models, engine: str) -> list[dict[str, Any]]:
    """Prediction in this process, of one row after the other: by the library itself, and by what a worker runs."""
    rows: Sequence[Any] = made.claims if engine == "pipeline" else made.rows
    bodies = [json.dumps({"instances": [row]}).encode() for row in rows]
    os.environ.update({"MODELS": str(made.folder), "ENGINE": engine, "COLUMNS": ",".join(models.COLUMNS)})
    from benchmarks.hosting.programs import model

    score = model.load()

    def once(body: bytes) -> bytes:
        return json.dumps({"predictions": score(json.loads(body)["instances"])}).encode()

    taken: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() < began + SECONDS:
        for body in bodies:
            start = time.perf_counter()
            once(body)
            taken.append(time.perf_counter() - start)
    spent = time.perf_counter() - began
    return [_row(engine, "in-process, no server", "json", 1, Load(sorted(taken), spent))]


@contextlib.contextmanager
def endpoint(server: Any, made: Models, engine: str, name: str = "bench", count: int = 1) -> Iterator[str]:
    """The name of an endpoint of that model in service, deleted in the end."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    if engine == "xgboost":
        files = {"xgboost-model": (made.folder / "xgboost-model.json").read_bytes()}
    else:
        files = {
            "pipeline.joblib": (made.folder / "pipeline.joblib").read_bytes(),
            "code/inference.py": SCRIPT.encode(),
        }
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="hosting-bench")
    s3.put_object(Bucket="hosting-bench", Key=f"{name}.tar.gz", Body=models.archive(files))
    container = {"Image": IMAGES[engine], "ModelDataUrl": f"s3://hosting-bench/{name}.tar.gz"}
    if engine == "pipeline":
        container["Environment"] = {"SAGEMAKER_PROGRAM": "inference.py"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=WAIT)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


class Signed:
    """Signed invocations of one endpoint, as bytes; good for five minutes."""

    def __init__(self, server: Any, name: str) -> None:
        self.url, self.path = server.url, f"/endpoints/{name}/invocations"
        self.place = server.url.partition("://")[2]
        keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
        self._auth = SigV4Auth(keys, "sagemaker", "us-east-1")

    def request(self, body: bytes, headers: dict[str, str]) -> bytes:
        asked = AWSRequest("POST", self.url + self.path, {"host": self.place} | headers, body)
        self._auth.add_auth(asked)
        return load.post(self.place, self.path, body, dict(asked.headers.items()))


def _ours(made: Models, engine: str) -> list[dict[str, Any]]:
    rows: Sequence[Sequence[Any]] = made.claims if engine == "pipeline" else made.rows
    kinds = {
        "csv": [(",".join(map(str, row)).encode(), {"content-type": "text/csv"}) for row in rows],
        "json": [(json.dumps({"instances": [_item(row, engine)]}).encode(), peers.JSON) for row in rows],
    }
    found: list[dict[str, Any]] = []
    with potager.local() as server, endpoint(server, made, engine) as name:
        for kind, asked in kinds.items():
            for connections in CONNECTIONS:
                signed = Signed(server, name)
                requests = [signed.request(body, headers) for body, headers in asked]
                load.hammer(signed.place, requests, connections, 0.5)
                got = load.hammer(signed.place, requests, connections, SECONDS)
                found.append(_row(engine, "Potager", kind, connections, got))
    return found


def _item(row: Sequence[Any], engine: str) -> Any:
    """A row as the image's JSON has it."""
    return {"features": row} if engine == "xgboost" else row


def _theirs(peer: peers.Peer, made: Models, served: str, engine: str) -> list[dict[str, Any]]:
    home = peers.environment(peer)
    if home is None:
        return []
    who = f"{peer.name} {peers.version(peer, home)}"
    found: list[dict[str, Any]] = []
    with peers.serving(peer, home, made, served) as place:
        if place is None:
            return []
        for kind in ("csv", "json") if peer.csv else ("json",):
            requests = peers.requests(peer, place, made, served, kind)
            for connections in CONNECTIONS:
                load.hammer(place, requests, connections, 0.5)
                found.append(_row(engine, who, kind, connections, load.hammer(place, requests, connections, SECONDS)))
    return found
