"""How a script is started on several hosts, and where they meet, as AWS's toolkits arrange it.

`sagemaker_torch_distributed_enabled` has `torchrun` start the script; without it the script joins its peers by itself,
at `MASTER_ADDR` and `MASTER_PORT`. Follows `sagemaker_training/torch_distributed.py` and `environment.py`, and
`sagemaker_pytorch_container/training.py` (https://github.com/aws/sagemaker-pytorch-training-toolkit).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.kernel.errors import Invalid, Unserved
from potager.train.cluster import Cluster
from potager.train.script import arguments
from potager.train.script.program import Program

TORCH = "sagemaker_torch_distributed_enabled"
GROUPS = "sagemaker_distribution_instance_groups"
UNSERVED = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
)

PORT = 7777
"""Where AWS has the hosts meet."""
_FIRST, _COUNT = 20000, 12000
"""Ports below those that the system gives out by itself."""


def check(doc: Mapping[str, Any], chosen: Program) -> None:
    """Refuses a way to distribute that is not served (501), or that cannot start the program."""
    values = arguments.decoded(doc.get("HyperParameters", {}))
    for name in UNSERVED:
        if values.get(name) is True:
            raise Unserved(
                f"The hyperparameter {name} asks for a way of distributed training that is not served. Leave it out; "
                f"{TORCH} (torchrun) is served, and so are scripts that call torch.distributed themselves."
            )
    if values.get(TORCH) is True and chosen.script is not None and not chosen.python:
        raise Invalid(f"torchrun starts Python scripts only, and the program is {chosen.script}. Name a .py file.")


def groups(doc: Mapping[str, Any], cluster: Cluster, host: str) -> list[str]:
    """The instance groups whose hosts train together: those named, else the host's own where torchrun is asked for."""
    values = arguments.decoded(doc.get("HyperParameters", {}))
    return values.get(GROUPS) or ([cluster.group(host).name] if values.get(TORCH) is True else [])


def hosts(doc: Mapping[str, Any], cluster: Cluster, host: str) -> list[str]:
    """The hosts of those groups."""
    named = groups(doc, cluster, host)
    return [one for group in cluster.groups if group.name in named for one in group.hosts]


def master(doc: Mapping[str, Any], cluster: Cluster, host: str) -> str:
    """The host where they meet."""
    return (hosts(doc, cluster, host) or list(cluster.hosts))[0]


def port(doc: Mapping[str, Any]) -> int:
    """The port where they meet: AWS's, or one of the job's own where jobs share the machine's network."""
    if doc.get("EnableNetworkIsolation"):
        return PORT
    digest = hashlib.sha256(doc["TrainingJobArn"].encode()).digest()
    return _FIRST + int.from_bytes(digest[:4], "big") % _COUNT


def meeting(doc: Mapping[str, Any], cluster: Cluster, host: str) -> dict[str, str]:
    """The variables that tell a script where to meet, and by which interface."""
    return {
        "MASTER_ADDR": master(doc, cluster, host),
        "MASTER_PORT": str(port(doc)),
        "NCCL_SOCKET_IFNAME": "lo",
        "NCCL_IB_DISABLE": "1",
    }


def started(chosen: Program, doc: Mapping[str, Any], cluster: Cluster, host: str, gpus: int) -> Program:
    """The program as one host starts it: by torchrun where that is asked for, with a process a GPU, or with one."""
    peers = hosts(doc, cluster, host)
    values = arguments.decoded(doc.get("HyperParameters", {}))
    if values.get(TORCH) is not True or host not in peers or chosen.script is None:
        return chosen
    command = ["torchrun", "--nnodes", str(len(peers)), "--nproc_per_node", str(gpus or 1)]
    if len(peers) > 1:
        command += ["--master_addr", peers[0], "--master_port", str(port(doc)), "--node_rank", str(peers.index(host))]
    else:
        command.append("--standalone")  # at any free port: torchrun's own, 29500, may be another job's
    return replace(chosen, argv=(*command, *chosen.argv[1:]))
