"""Training on several instances through boto3: hosts of their own on one machine, that meet, fail and end together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.road import IMAGE, until, wait_for_job, wait_until_training
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


GROUPS = [
    {"InstanceGroupName": "feed", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    {"InstanceGroupName": "learn", "InstanceType": "ml.m5.large", "InstanceCount": 2},
]

LIST = """
    import json, os, pathlib
    keep = {name: os.environ[name] for name in os.environ if name.startswith("SM_")}
    channels = json.loads(os.environ["SM_TRAINING_ENV"])["channel_input_dirs"]
    keep["files"] = {name: sorted(os.listdir(path)) for name, path in channels.items()}
    resources = json.loads(pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"], "resourceconfig.json").read_text())
    name = resources["current_host"]
    pathlib.Path(os.environ["SM_MODEL_DIR"], f"{name}.json").write_text(json.dumps(keep | {"resources": resources}))
    pathlib.Path(os.environ["SM_MODEL_DIR"], "same").write_text(os.environ["SM_CURRENT_HOST"])
"""


def test_hosts_are_numbered_across_instance_groups_and_a_channel_may_be_for_one_group(scripts: Scripts) -> None:
    for name in "abcd":
        scripts.road.put(f"shards/{name}", name)
    sharded = scripts.road.channel("sharded", "shards/")
    sharded["DataSource"]["S3DataSource"] |= {
        "S3DataDistributionType": "ShardedByS3Key",
        "InstanceGroupNames": ["learn"],
    }
    job = scripts.script(
        "groups",
        {"train.py": LIST},
        resources={"InstanceGroups": GROUPS},
        InputDataConfig=[scripts.road.channel("train"), sharded],
    )
    seen = told(scripts, job)
    assert job["ResourceConfig"]["InstanceGroups"] == GROUPS
    assert {name: seen[name]["resources"]["current_group_name"] for name in ("algo-1", "algo-2", "algo-3")} == {
        "algo-1": "feed",
        "algo-2": "learn",
        "algo-3": "learn",
    }
    assert seen["algo-2"]["resources"]["current_instance_type"] == "ml.m5.large"
    assert [group["hosts"] for group in seen["algo-1"]["resources"]["instance_groups"]] == [
        ["algo-1"],
        ["algo-2", "algo-3"],
    ]
    assert list(seen["algo-1"]["files"]) == ["train"]
    assert seen["algo-2"]["files"]["sharded"] + seen["algo-3"]["files"]["sharded"] == ["a", "c", "b", "d"]
    assert json.loads(seen["algo-3"]["SM_INSTANCE_GROUPS"]) == ["feed", "learn"]


def test_of_instance_preferences_the_first_is_taken_and_shown(scripts: Scripts) -> None:
    preferences = [
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
        {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1},
    ]
    job = scripts.script("preferences", {"train.py": LIST}, resources={"InstancePreferences": preferences})
    seen = told(scripts, job)
    assert seen["algo-1"]["resources"]["hosts"] == ["algo-1", "algo-2"]
    assert seen["algo-1"]["resources"]["current_instance_type"] == "ml.c5.xlarge"
    assert job["ResourceConfig"]["InstancePreferences"] == preferences
    assert job["ResourceConfig"]["SelectedInstanceType"] == "ml.c5.xlarge"
    assert job["ResourceConfig"]["SelectedInstanceCount"] == 2


FAIL = """
    import os, pathlib, signal, sys
    if os.environ["SM_CURRENT_HOST"] == __import__("json").loads(os.environ["SM_HOSTS"])[0]:
        signal.pause()
    {deed}
"""


@pytest.mark.parametrize(
    ("name", "deed", "reason"),
    [
        ("words", "pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('no such column'); sys.exit(4)", ""),
        ("raise", "raise KeyError('age')", "KeyError: 'age'"),
        ("killed", "os.kill(os.getpid(), 9)", "ExitCode -9"),
    ],
)
def test_a_host_that_fails_fails_the_job_and_has_the_others_ended(
    scripts: Scripts, name: str, deed: str, reason: str
) -> None:
    job = scripts.script(f"fails-{name}", {"train.py": FAIL.format(deed=deed)}, instances=2)
    assert job["TrainingJobStatus"] == "Failed"
    if name == "words":
        assert job["FailureReason"] == "no such column"
    else:
        assert reason in job["FailureReason"]
        assert job["FailureReason"].endswith('Host "algo-2"')


SAVE = """
    import os, pathlib, signal, sys
    def save(*_):
        name = "first" if os.environ["SM_CURRENT_HOST"] == os.environ["MASTER_ADDR"] else "second"
        pathlib.Path(os.environ["SM_MODEL_DIR"], name).write_text("saved")
        sys.exit(0)
    signal.signal(signal.SIGTERM, save)
    print("ready", flush=True)
    signal.pause()
"""


def test_stop_reaches_every_host_and_keeps_what_each_saved(scripts: Scripts) -> None:
    name = scripts.begin("stopped", {"train.py": SAVE}, instances=3)
    ready(scripts, name, 3)
    scripts.road.sagemaker.stop_training_job(TrainingJobName=name)
    job = wait_for_job(scripts.road.sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{scripts.road.bucket}/")
    assert sorted(scripts.unpacked(key)) == ["first", "second"]


def ready(scripts: Scripts, name: str, count: int) -> None:
    """Returns once so many hosts of a job have said that they are ready."""

    def look() -> bool:
        pages = scripts.logs.get_paginator("filter_log_events")
        found = pages.paginate(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/")
        return sum(event["message"] == "ready" for page in found for event in page["events"]) == count

    wait_until_training(scripts.road.sagemaker, name)
    until(look, f"{count} hosts of {name} being ready")


def test_a_lone_host_resolves_its_own_name_and_is_told_where_to_meet(scripts: Scripts) -> None:
    script = "import os, socket; print(socket.gethostbyname(os.environ['MASTER_ADDR']), os.environ['MASTER_PORT'])"
    job = scripts.script("lone", {"train.py": script})
    assert job["TrainingJobStatus"] == "Completed"
    assert scripts.lines(job)[-1].startswith("127.0.0.1 ")


def test_an_image_with_a_program_of_its_own_trains_on_one(scripts: Scripts) -> None:
    job = scripts.run(
        "two",
        image=IMAGE,
        instances=2,
        InputDataConfig=[scripts.road.channel("train")],
        HyperParameters={"predictor_type": "binary_classifier", "mini_batch_size": "100", "epochs": "1"},
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ResourceConfig"]["InstanceCount"] == 2
    assert "2 instances were asked for, and this image trains on one" in scripts.lines(job)


GLOO = """
    import json, os, sys
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    if "RANK" not in os.environ:
        hosts = json.loads(os.environ["SM_HOSTS"])
        os.environ["WORLD_SIZE"] = str(len(hosts))
        os.environ["RANK"] = str(hosts.index(os.environ["SM_CURRENT_HOST"]))
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    total = torch.tensor([float(rank + 1)])
    dist.all_reduce(total)
    torch.manual_seed(0)
    model = DistributedDataParallel(torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.Generator().manual_seed(rank)
    for _ in range(60):
        x = torch.randn(32, 2, generator=data)
        loss = ((model(x) - x @ torch.tensor([[3.0], [-2.0]])) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = model.module.weight.detach()
    same = [torch.zeros_like(weights) for _ in range(size)]
    dist.all_gather(same, weights)
    assert all(torch.equal(weights, one) for one in same)
    print(f"rank {rank} of {size}, sum {total.item():g}, weights {[round(w, 2) for w in weights[0].tolist()]}")
    if rank == 0:
        torch.save(model.module.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
    dist.barrier()
    dist.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # torch 2.13 aborts now and then while its interpreter takes itself apart
"""


@pytest.mark.parametrize(("isolated", "launched"), [(True, False), (False, True)], ids=["script", "torchrun"])
def test_torch_trains_across_two_hosts(scripts: Scripts, isolated: bool, launched: bool) -> None:
    pytest.importorskip("torch")
    name = f"gloo-{'isolated' if isolated else 'network'}-{'torchrun' if launched else 'script'}"
    scripts.source("gloo", {"train.py": GLOO})
    job = scripts.script(
        name,
        {"train.py": GLOO},
        instances=2,
        EnableNetworkIsolation=isolated,
        InputDataConfig=[scripts.road.channel("code", "gloo/source/")],
        hyperparameters={
            "sagemaker_submit_directory": "/opt/ml/input/data/code",
            "sagemaker_torch_distributed_enabled": launched,
        },
    )
    assert job["TrainingJobStatus"] == "Completed", (
        job["FailureReason"],
        scripts.lines(job),
        scripts.lines(job, "algo-2"),
    )
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{scripts.road.bucket}/")
    assert list(scripts.unpacked(key)) == ["model.pth"]
    for rank, host in enumerate(("algo-1", "algo-2")):
        assert f"rank {rank} of 2, sum 3, weights [3.0, -2.0]" in scripts.lines(job, host)
    command = next(line for line in scripts.lines(job, "algo-2") if line.endswith("train.py"))
    assert command.startswith("torchrun --nnodes 2 --nproc_per_node 1 --master_addr" if launched else "python train.py")
