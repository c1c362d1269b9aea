"""Training on several instances through boto3: hosts of their own on one machine, that meet, fail and end together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.scripts import Scripts

MEET = """
    import json, os, pathlib, socket, threading, time

    hosts, me = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
    other = next(host for host in hosts if host != me)
    server = socket.create_server((socket.gethostbyname(me), 6174))

    def answer():
        with server.accept()[0] as peer:
            peer.sendall(f"{me} heard {peer.recv(100).decode()}".encode())

    threading.Thread(target=answer).start()
    while True:
        try:
            peer = socket.create_connection((other, 6174))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    peer.sendall(me.encode())
    said = peer.recv(100).decode()

    def out():
        try:
            socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
            return "connected"
        except OSError as error:
            return type(error).__name__

    resources = json.loads(pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"], "resourceconfig.json").read_text())
    told = {
        "me": me, "other": other, "said": said, "hosts": hosts, "gethostname": socket.gethostname(), "out": out(),
        "resources": resources, "env": dict(os.environ), "data": os.listdir(os.environ["SM_CHANNEL_TRAIN"]),
    }
    pathlib.Path(os.environ["SM_MODEL_DIR"], f"{me}.json").write_text(json.dumps(told))
    pathlib.Path(os.environ["SM_MODEL_DIR"], "same").write_text(me)
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], f"{me}.txt").write_text(me)
    print(f"loss={1 if me == hosts[0] else 2};")
"""


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


def told(scripts: Scripts, job: dict[str, Any]) -> dict[str, Any]:
    """What the hosts of a job found, by their names."""
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{scripts.road.bucket}/")
    files = scripts.unpacked(key)
    return {
        json.loads(text)["resources"]["current_host"]: json.loads(text)
        for name, text in files.items()
        if name.endswith(".json")
    } | {"same": files["same"].decode()}


@pytest.mark.parametrize("isolated", [False, True], ids=["network", "isolated"])
def test_two_hosts_know_each_other_and_talk_both_ways(scripts: Scripts, isolated: bool) -> None:
    scripts.source("meet", {"train.py": MEET})
    job = scripts.script(
        f"meet-{'isolated' if isolated else 'network'}",
        {"train.py": MEET},
        instances=2,
        InputDataConfig=[scripts.road.channel("train"), scripts.road.channel("code", "meet/source/")],
        EnableNetworkIsolation=isolated,
        Environment={"PORT": scripts.server.url.rpartition(":")[2]},
        hyperparameters={"sagemaker_submit_directory": "/opt/ml/input/data/code"},
        algorithm={"MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9]+);"}]},
    )
    seen = told(scripts, job)
    first, second = seen["algo-1"], seen["algo-2"]
    for one, other in ((first, second), (second, first)):
        assert one["said"] == f"{other['me']} heard {one['me']}"
        assert one["hosts"] == [first["me"], second["me"]]
        assert one["resources"]["hosts"] == ["algo-1", "algo-2"]
        assert one["data"]
        assert one["env"]["MASTER_ADDR"] == first["me"]
    assert first["env"]["MASTER_PORT"] == second["env"]["MASTER_PORT"]
    assert seen["same"] == first["me"]
    output = job["ModelArtifacts"]["S3ModelArtifacts"].replace("model.tar.gz", "output.tar.gz")
    assert len(scripts.unpacked(output.removeprefix(f"s3://{scripts.road.bucket}/"))) == 2
    assert "Host algo-2 of algo-1, algo-2" in scripts.lines(job, "algo-2")
    (metric,) = job["FinalMetricDataList"]
    assert metric["Value"] in (1, 2)
    if "namespaces" in scripts.lines(job)[0]:
        assert [first["gethostname"], second["gethostname"]] == ["algo-1", "algo-2"]
        assert {first["out"], second["out"]} == ({"ConnectionRefusedError"} if isolated else {"connected"})
