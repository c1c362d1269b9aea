"""Arguments and variables, held against what sagemaker-training 5.1.4 made of the same job."""

from __future__ import annotations

import json
from typing import Any

import pytest

from potager.train import cluster
from potager.train.script import arguments, variables
from potager.train.script.variables import Machine

GIVEN = {
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": '"s3://bucket/job/source/sourcedir.tar.gz"',
    "sagemaker_container_log_level": "20",
    "sagemaker_job_name": '"job-1"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_mpi_enabled": "false",
    "n-estimators": "100",
    "learning_rate": "0.1",
    "name": '"a b"',
    "plain": "as it is",
    "flag": "true",
    "none": "null",
    "list": '[1, "x"]',
    "map": '{"k": 1, "j": "v"}',
    "n": "3",
    "quoted": '"3"',
}
SOURCE = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}}
JOB: dict[str, Any] = {
    "TrainingJobName": "job-1",
    "HyperParameters": GIVEN,
    "AlgorithmSpecification": {"TrainingImage": "sagemaker-scikit-learn:1", "TrainingInputMode": "File"},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": SOURCE},
        {"ChannelName": "test", "DataSource": SOURCE, "ContentType": "text/csv"},
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
MODULE = "sagemaker_sklearn_container.training:main"

# Printed by `Environment().to_env_vars()` of sagemaker-training 5.1.4 for the files that this job has, on two CPUs.
HPS = (
    '{"flag":true,"learning_rate":0.1,"list":[1,"x"],"map":{"j":"v","k":1},"n":3,"n-estimators":100,'
    '"name":"a b","none":null,"plain":"as it is","quoted":"3"}'
)
INPUTS = (
    '{"test":{"ContentType":"text/csv","RecordWrapperType":"None","S3DistributionType":"FullyReplicated",'
    '"TrainingInputMode":"File"},"train":{"RecordWrapperType":"None","S3DistributionType":"FullyReplicated",'
    '"TrainingInputMode":"File"}}'
)
GROUP = '{"hosts":["algo-1"],"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large"}'
RESOURCES = (
    '{"current_group_name":"homogeneousCluster","current_host":"algo-1","current_instance_type":"ml.m5.large",'
    f'"hosts":["algo-1"],"instance_groups":[{GROUP}],"network_interface_name":"lo"}}'
)
TOOLKIT = {
    "SM_CHANNELS": '["test","train"]',
    "SM_CHANNEL_TEST": "/opt/ml/input/data/test",
    "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
    "SM_CURRENT_HOST": "algo-1",
    "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
    "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1"]',
    "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
    "SM_DISTRIBUTION_INSTANCE_GROUPS": "[]",
    "SM_FRAMEWORK_MODULE": MODULE,
    "SM_FRAMEWORK_PARAMS": '{"sagemaker_mpi_enabled":false}',
    "SM_HOSTS": '["algo-1"]',
    "SM_HPS": HPS,
    "SM_HP_FLAG": "true",
    "SM_HP_LEARNING_RATE": "0.1",
    "SM_HP_LIST": '[1,"x"]',
    "SM_HP_MAP": '{"j":"v","k":1}',
    "SM_HP_N": "3",
    "SM_HP_N-ESTIMATORS": "100",
    "SM_HP_NAME": "a b",
    "SM_HP_NONE": "",
    "SM_HP_PLAIN": "as it is",
    "SM_HP_QUOTED": "3",
    "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
    "SM_INPUT_DATA_CONFIG": INPUTS,
    "SM_INPUT_DIR": "/opt/ml/input",
    "SM_INSTANCE_GROUPS": '["homogeneousCluster"]',
    "SM_INSTANCE_GROUPS_DICT": f'{{"homogeneousCluster":{GROUP}}}',
    "SM_IS_HETERO": "false",
    "SM_LOG_LEVEL": "20",
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_MODULE_DIR": "s3://bucket/job/source/sourcedir.tar.gz",
    "SM_MODULE_NAME": "train",
    "SM_NETWORK_INTERFACE_NAME": "lo",
    "SM_NUM_CPUS": "2",
    "SM_NUM_GPUS": "0",
    "SM_NUM_NEURONS": "0",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_OUTPUT_DIR": "/opt/ml/output",
    "SM_OUTPUT_INTERMEDIATE_DIR": "/opt/ml/output/intermediate",
    "SM_RESOURCE_CONFIG": RESOURCES,
    "SM_TRAINING_ENV": (
        '{"additional_framework_parameters":{"sagemaker_mpi_enabled":false},"channel_input_dirs":{"test":'
        '"/opt/ml/input/data/test","train":"/opt/ml/input/data/train"},"current_host":"algo-1",'
        '"current_instance_group":"homogeneousCluster","current_instance_group_hosts":["algo-1"],'
        '"current_instance_type":"ml.m5.large","distribution_hosts":[],"distribution_instance_groups":[],'
        f'"framework_module":"{MODULE}","hosts":["algo-1"],"hyperparameters":{HPS},'
        f'"input_config_dir":"/opt/ml/input/config","input_data_config":{INPUTS},"input_dir":"/opt/ml/input",'
        f'"instance_groups":["homogeneousCluster"],"instance_groups_dict":{{"homogeneousCluster":{GROUP}}},'
        '"is_hetero":false,"is_master":true,"is_modelparallel_enabled":null,"is_smddpmprun_installed":false,'
        '"is_smddprun_installed":false,"job_name":"job-1","log_level":20,"master_hostname":"algo-1",'
        '"model_dir":"/opt/ml/model","module_dir":"s3://bucket/job/source/sourcedir.tar.gz","module_name":"train",'
        '"network_interface_name":"lo","num_cpus":2,"num_gpus":0,"num_neurons":0,'
        '"output_data_dir":"/opt/ml/output/data","output_dir":"/opt/ml/output",'
        f'"output_intermediate_dir":"/opt/ml/output/intermediate","resource_config":{RESOURCES},"topology":[],'
        '"user_entry_point":"train.py"}'
    ),
    "SM_USER_ARGS": (
        '["--flag","True","--learning_rate","0.1","--list","[1, \'x\']","--map","j=v,k=1","-n","3",'
        '"--n-estimators","100","--name","a b","--none","","--plain","as it is","--quoted","3"]'
    ),
    "SM_USER_ENTRY_POINT": "train.py",
    "CURRENT_HOST": "algo-1",
    "SAGEMAKER_BASE_DIR": "/opt/ml",
    "SAGEMAKER_JOB_NAME": "job-1",
    "SAGEMAKER_REGION": "us-east-1",
}


def test_the_variables_are_the_toolkit_s() -> None:
    told = variables.of(JOB, cluster.of(JOB), "algo-1", "train.py", Machine(cpus=2, gpus=0), MODULE)
    assert told == TOOLKIT | {"PYTHONPATH": "/opt/ml/code"}


def test_the_variables_that_the_toolkit_documents_are_all_there() -> None:
    told = variables.of(JOB, cluster.of(JOB), "algo-1", "train.py", Machine(cpus=32, gpus=1))
    assert (told["SM_NUM_CPUS"], told["SM_NUM_GPUS"], told["SM_FRAMEWORK_MODULE"]) == ("32", "1", "")
    assert json.loads(told["SM_TRAINING_ENV"])["framework_module"] is None


def test_arguments_are_the_toolkit_s() -> None:
    values = arguments.own(arguments.decoded(GIVEN))
    assert arguments.command_line(values) == json.loads(TOOLKIT["SM_USER_ARGS"])


def test_the_documented_example_becomes_its_arguments() -> None:
    given = {"batch-size": "256", "learning_rate": "0.0001", "communicator": "pure_nccl"}
    expected = ["--batch-size", "256", "--communicator", "pure_nccl", "--learning_rate", "0.0001"]
    assert arguments.command_line(arguments.decoded(given)) == expected


@pytest.mark.parametrize("text", ["", "{", "NotJson", "01", "[" * 100_000])
def test_a_value_that_is_no_json_stands_for_itself(text: str) -> None:
    assert arguments.decoded({"x": text}) == {"x": text}


def test_a_name_that_no_variable_can_have_is_left_to_the_arguments() -> None:
    told = variables.of(JOB | {"HyperParameters": {"a=b": "1"}}, cluster.of(JOB), "algo-1", "train.py", Machine(2, 0))
    assert not any("=" in name for name in told)
    assert json.loads(told["SM_USER_ARGS"]) == ["--a=b", "1"]
