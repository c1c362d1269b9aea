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
from potager.train.cluster import Cluster
from potager.train.script import arguments, distribution

ML = PurePosixPath("/opt/ml")
CODE = str(ML / "code")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a job may use of the machine."""

    cpus: int
    gpus: int


def of(
    doc: Mapping[str, Any],
    cluster: Cluster,
    host: str,
    program: str,
    machine: Machine,
    framework_module: str | None = None,
) -> dict[str, str]:
    """All the variables of a script on one host.

    Parameters
    ----------
    doc : the job's document.
    program : the script's name below its source.
    framework_module : what AWS's image of the framework puts there.
    """
    values = arguments.decoded(doc.get("HyperParameters", {}))
    hyperparameters = arguments.own(values)
    facts = _facts(doc, values, program, machine, framework_module) | _cluster(doc, cluster, host)
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
    return {
        "additional_framework_parameters": arguments.framework(values),
        "framework_module": framework_module,
        "hyperparameters": arguments.own(values),
        "input_config_dir": str(ML / "input" / "config"),
        "input_dir": str(ML / "input"),
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
        "topology": [],
        "user_entry_point": program,
    }


def _cluster(doc: Mapping[str, Any], cluster: Cluster, host: str) -> dict[str, Any]:
    """What differs from host to host."""
    channels = contract.channel_config(doc, cluster, host)
    resources = contract.resource_config(cluster, host)
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    master = distribution.master(doc, cluster, host)
    return {
        "channel_input_dirs": {name: str(ML / "input" / "data" / name) for name in channels},
        "current_host": host,
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": groups[resources["current_group_name"]]["hosts"],
        "current_instance_type": resources["current_instance_type"],
        "distribution_hosts": distribution.hosts(doc, cluster, host),
        "distribution_instance_groups": distribution.groups(doc, cluster, host),
        "hosts": resources["hosts"],
        "input_data_config": channels,
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": len(groups) > 1,
        "is_master": host == master,
        "master_hostname": master,
        "network_interface_name": resources["network_interface_name"],
        "resource_config": resources,
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
