"""The variables in which a script finds what it was started with: `SM_MODEL_DIR`, `SM_CHANNEL_TRAIN`, ...

Names and encodings are those of `Environment.to_env_vars` of https://github.com/aws/sagemaker-training-toolkit; its
ENVIRONMENT_VARIABLES.md says what each is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from potager.train import contract
from potager.train.script import arguments

ML = PurePosixPath("/opt/ml")
CODE = str(ML / "code")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a job may use of the machine."""

    cpus: int
    gpus: int


def of(doc: Mapping[str, Any], program: str, machine: Machine, framework_module: str | None = None) -> dict[str, str]:
    """All the variables of a script.

    Parameters
    ----------
    doc : the job's document.
    program : the script's name below its source.
    framework_module : what AWS's image of the framework puts there.
    """
    values = arguments.decoded(doc.get("HyperParameters", {}))
    hyperparameters = arguments.own(values)
    facts = _facts(doc, values, program, machine, framework_module)
    told = facts | {
        "hps": hyperparameters,
        "framework_params": facts["additional_framework_parameters"],
        "channels": sorted(facts["channel_input_dirs"]),
        "user_args": arguments.command_line(hyperparameters),
        "training_env": facts,
    }
    for name in _INSIDE:
        del told[name]
    told |= {f"channel_{name}": path for name, path in facts["channel_input_dirs"].items()}
    # A variable's name cannot hold these two; the value is in SM_HPS and among the arguments all the same.
    told |= {f"hp_{name}": value for name, value in hyperparameters.items() if not set(name) & {"=", "\0"}}
    return {f"SM_{name.upper()}": _text(value) for name, value in told.items()} | {
        "CURRENT_HOST": facts["current_host"],
        "PYTHONPATH": CODE,
        "SAGEMAKER_BASE_DIR": str(ML),
        "SAGEMAKER_JOB_NAME": str(values.get("sagemaker_job_name", "")),
        "SAGEMAKER_REGION": str(values.get("sagemaker_region", "")),
    }


_INSIDE = (
    "additional_framework_parameters",
    "channel_input_dirs",
    "distribution_hosts",
    "hyperparameters",
    "is_master",
    "is_modelparallel_enabled",
    "is_smddpmprun_installed",
    "is_smddprun_installed",
    "job_name",
    "master_hostname",
    "topology",
)
"""Facts that stand in SM_TRAINING_ENV alone, or go by another name outside."""


def _facts(
    doc: Mapping[str, Any], values: Mapping[str, Any], program: str, machine: Machine, framework_module: str | None
) -> dict[str, Any]:
    channels = contract.channel_config(doc)
    resources = contract.resource_config(doc)
    return {
        "additional_framework_parameters": arguments.framework(values),
        "channel_input_dirs": {name: str(ML / "input" / "data" / name) for name in channels},
        **_cluster(resources),
        "distribution_hosts": [],
        "distribution_instance_groups": [],
        "framework_module": framework_module,
        "hyperparameters": arguments.own(values),
        "input_config_dir": str(ML / "input" / "config"),
        "input_data_config": channels,
        "input_dir": str(ML / "input"),
        "is_hetero": False,
        "is_master": True,
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": doc["TrainingJobName"],
        "log_level": values.get("sagemaker_container_log_level", 20),
        "model_dir": str(ML / "model"),
        "module_dir": str(values.get("sagemaker_submit_directory", CODE)),
        "module_name": program.removesuffix(".py"),
        "num_cpus": machine.cpus,
        "num_gpus": machine.gpus,
        "num_neurons": 0,
        "output_data_dir": str(ML / "output" / "data"),
        "output_dir": str(ML / "output"),
        "output_intermediate_dir": str(ML / "output" / "intermediate"),
        "resource_config": resources,
        "topology": [],
        "user_entry_point": program,
    }


def _cluster(resources: Mapping[str, Any]) -> dict[str, Any]:
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    return {
        "current_host": resources["current_host"],
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": groups[resources["current_group_name"]]["hosts"],
        "current_instance_type": resources["current_instance_type"],
        "hosts": resources["hosts"],
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "master_hostname": resources["hosts"][0],
        "network_interface_name": resources["network_interface_name"],
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
