"""A hundred idle endpoints: how long they take to come, what they weigh and compute; and cold starts of serverless."""

from __future__ import annotations

import io
import os
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import potager
from benchmarks.measure import milliseconds, p50, proportional_memory, say, seconds, tree
from benchmarks.raw import Raw
from tests.clients.road import IMAGE, ROLE, Road, until

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ENDPOINTS = max(1, int(100 * float(os.environ.get("POTAGER_BENCH_SCALE", "1"))))
COLUMNS = 20
SECONDS = 20.0
COLD = 5


def main() -> None:
    """Endpoints of linear-learner, then of XGBoost; then serverless ones, each asked for the first time."""
    with potager.local(endpoint_memory="100MB") as server:
        road = Road(server)
        many("linear-learner", road, server.pid, IMAGE, road.train_once()["ModelArtifacts"]["S3ModelArtifacts"])
    with potager.local(endpoint_memory="256MB") as server:
        road = Road(server)
        many("XGBoost", road, server.pid, XGBOOST, boosted(road), min(ENDPOINTS, 20))
    with potager.local(serverless_idle=0.5) as server:
        road = Road(server)
        raw, jobs = Raw(server, "sagemaker"), Path(server.data, "jobs")
        cold("linear-learner", road, raw, jobs, IMAGE, road.train_once()["ModelArtifacts"]["S3ModelArtifacts"], 4)
        cold("XGBoost", road, raw, jobs, XGBOOST, boosted(road), COLUMNS)


def boosted(road: Road) -> str:
    """An artifact with a model of 100 trees of depth 6."""
    import xgboost

    random = np.random.default_rng(0)
    rows = random.normal(size=(5000, COLUMNS)).astype(np.float32)
    answers = rows[:, 0] * rows[:, 1] + random.normal(size=5000) > 0
    booster = xgboost.train({"max_depth": 6, "objective": "binary:logistic"}, xgboost.DMatrix(rows, answers), 100)
    content = bytes(booster.save_raw("ubj"))
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    road.put("boosted/model.tar.gz", target.getvalue())
    return f"s3://{road.bucket}/boosted/model.tar.gz"


def many(what: str, road: Road, pid: int, image: str, artifact: str, count: int = ENDPOINTS) -> None:
    """A hundred endpoints of one model, at rest."""
    before = proportional_memory(tree(pid))
    road.sagemaker.create_model(
        ModelName=what, PrimaryContainer={"Image": image, "ModelDataUrl": artifact}, ExecutionRoleArn=ROLE
    )
    config = road.config("idle", what)

    def raised(number: int) -> None:
        road.sagemaker.create_endpoint(EndpointName=f"idle-{number}", EndpointConfigName=config)
        road.wait_in_service(f"idle-{number}")

    began = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raised, range(count)))
    taken = time.perf_counter() - began
    time.sleep(3)
    pids = tree(pid)
    first, begun = computed(pids), time.perf_counter()
    time.sleep(SECONDS)
    spent, passed = computed(pids) - first, time.perf_counter() - begun
    memory = proportional_memory(pids)
    load, goal = os.getloadavg()[0], "goal: at most 2,000 MB"
    say(f"{count} endpoints of {what}, load {load:.1f}")
    say(f"  raised in            {taken:8.1f} s, {taken / count * 1e3:.0f} ms each")
    say(f"  memory (PSS)         {memory:8.1f} MB, {len(pids)} processes; {before:.1f} MB without   ({goal})")
    say(f"  computed             {spent:8.2f} s in {passed:.0f} s   (goal: none)")
    by_kind(pids)


def by_kind(pids: list[int]) -> None:
    """What the kinds of processes weigh: those that have no child serve, each minded by two."""
    leaves = [pid for pid in pids if len(tree(pid)) == 1]
    minders = [pid for pid in pids if 1 < len(tree(pid)) <= 3]
    own, minding = (proportional_memory(each) / max(1, len(leaves)) for each in (leaves, minders))
    say(f"  a worker             {own:8.1f} MB, the two that mind it {minding:.1f} MB")


def computed(pids: list[int]) -> float:
    """Seconds that processes have computed."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cold(what: str, road: Road, raw: Raw, jobs: Path, image: str, artifact: str, columns: int) -> None:
    """Until a serverless endpoint is there for the first time, and requests that find it without a worker."""
    container = {"Image": image, "ModelDataUrl": artifact}
    road.sagemaker.create_model(ModelName=f"{what}-cold", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    name, row = f"{what}-cold", ",".join(["0.5"] * columns).encode()
    road.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "v",
                "ModelName": name,
                "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
            }
        ],
    )

    began = time.perf_counter()
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    road.wait_in_service(name)
    first = round((time.perf_counter() - began) * 1e3)

    def ask() -> None:
        raw.post(f"/endpoints/{name}/invocations", row, {"Content-Type": "text/csv"})

    taken: list[float] = []
    for _ in range(COLD):
        until(lambda: not list(jobs.glob("ep-*")), "an endpoint without workers")
        taken += seconds(ask, 1)
    warm = seconds(ask, 20)
    say(f"serverless {what}: created in {first} ms, a warm request {p50(warm) * 1e3:.1f} ms")
    say(f"  a request without a worker {milliseconds(sorted(taken))}")
