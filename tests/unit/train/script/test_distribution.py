from __future__ import annotations

import json
from typing import Any

import pytest

from potager.kernel.errors import Invalid, Unserved
from potager.train import cluster
from potager.train.script import distribution, program, variables
from potager.train.script.variables import Machine

GROUPS = [
    {"InstanceGroupName": "feed", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    {"InstanceGroupName": "learn", "InstanceType": "ml.m5.large", "InstanceCount": 2},
]


def job(resources: dict[str, Any] | None = None, name: str = "job-1", **hyperparameters: Any) -> dict[str, Any]:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://b/s.tar.gz"} | hyperparameters
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
        "AlgorithmSpecification": {"TrainingImage": "python:3", "TrainingInputMode": "File"},
        "HyperParameters": {key: json.dumps(value) for key, value in given.items()},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix"}}}],
        "ResourceConfig": resources or {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    }


def command(doc: dict[str, Any], host: str, gpus: int = 0) -> str:
    return distribution.started(program.of(doc), doc, cluster.of(doc), host, gpus).command


def test_a_script_is_started_as_ever_unless_torchrun_is_asked_for() -> None:
    assert command(job(epochs=3), "algo-2") == "python train.py --epochs 3"
    assert command(job(sagemaker_torch_distributed_enabled=False), "algo-2") == "python train.py"


def test_torchrun_starts_a_process_a_gpu_and_has_the_hosts_meet_at_the_first() -> None:
    doc = job(sagemaker_torch_distributed_enabled=True, epochs=3) | {"EnableNetworkIsolation": True}
    meeting = "--master_addr algo-1 --master_port 7777 --node_rank 1"
    assert command(doc, "algo-2", 4) == f"torchrun --nnodes 2 --nproc_per_node 4 {meeting} train.py --epochs 3"


def test_torchrun_on_one_host_takes_a_port_that_is_free() -> None:
    doc = job({"InstanceType": "ml.m5.large", "InstanceCount": 1}, sagemaker_torch_distributed_enabled=True)
    assert command(doc, "algo-1") == "torchrun --nnodes 1 --nproc_per_node 1 --standalone train.py"


def test_torchrun_may_be_for_some_groups() -> None:
    doc = job(
        {"InstanceGroups": GROUPS},
        sagemaker_torch_distributed_enabled=True,
        sagemaker_distribution_instance_groups=["learn"],
    )
    assert command(doc, "algo-1") == "python train.py"
    assert "--nnodes 2" in command(doc, "algo-2")
    assert "--master_addr algo-2" in command(doc, "algo-3")
    assert "--node_rank 1" in command(doc, "algo-3")


def test_jobs_that_share_the_machine_s_network_meet_at_ports_of_their_own() -> None:
    ports = {distribution.port(job(name=f"job-{number}")) for number in range(20)}
    assert len(ports) > 15
    assert all(1024 < port < 32768 for port in ports)


@pytest.mark.parametrize("name", distribution.UNSERVED)
def test_other_ways_to_distribute_are_refused_by_name(name: str) -> None:
    doc = job(**{name: True})
    with pytest.raises(Unserved, match=name):
        distribution.check(doc, program.of(doc))
    doc = job(**{name: False})
    distribution.check(doc, program.of(doc))


def test_torchrun_starts_no_shell_script() -> None:
    doc = job(sagemaker_program="train.sh", sagemaker_torch_distributed_enabled=True)
    with pytest.raises(Invalid, match=r"the program is train\.sh"):
        distribution.check(doc, program.of(doc))


# As `Environment().to_env_vars()` of sagemaker-training 5.1.4 tells the third host of such a job.
FEED = '{"hosts":["algo-1"],"instance_group_name":"feed","instance_type":"ml.c5.xlarge"}'
LEARN = '{"hosts":["algo-2","algo-3"],"instance_group_name":"learn","instance_type":"ml.m5.large"}'
RESOURCES = (
    '{"current_group_name":"learn","current_host":"algo-3","current_instance_type":"ml.m5.large",'
    f'"hosts":["algo-1","algo-2","algo-3"],"instance_groups":[{FEED},{LEARN}],"network_interface_name":"lo"}}'
)
TOOLKIT = {
    "SM_CURRENT_HOST": "algo-3",
    "SM_CURRENT_INSTANCE_GROUP": "learn",
    "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-2","algo-3"]',
    "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
    "SM_DISTRIBUTION_INSTANCE_GROUPS": '["learn"]',
    "SM_HOSTS": '["algo-1","algo-2","algo-3"]',
    "SM_INSTANCE_GROUPS": '["feed","learn"]',
    "SM_INSTANCE_GROUPS_DICT": f'{{"feed":{FEED},"learn":{LEARN}}}',
    "SM_IS_HETERO": "true",
    "SM_NETWORK_INTERFACE_NAME": "lo",
    "SM_RESOURCE_CONFIG": RESOURCES,
}


def test_the_variables_of_several_hosts_are_the_toolkit_s() -> None:
    doc = job(
        {"InstanceGroups": GROUPS},
        sagemaker_torch_distributed_enabled=True,
        sagemaker_distribution_instance_groups=["learn"],
    )
    told = variables.of(doc, cluster.of(doc), "algo-3", "train.py", Machine(2, 0))
    assert {name: told[name] for name in TOOLKIT} == TOOLKIT
    facts = json.loads(told["SM_TRAINING_ENV"])
    assert facts["distribution_hosts"] == ["algo-2", "algo-3"]
    assert (facts["master_hostname"], facts["is_master"], facts["is_hetero"]) == ("algo-2", False, True)
