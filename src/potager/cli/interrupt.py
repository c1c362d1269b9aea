"""`potager interrupt`: takes a managed spot job's place away, as AWS does when it needs the capacity.

The job's programs are told to end (SIGTERM, then SIGKILL after the grace) by way of their folders, which is what any
executor on this machine can do; the server sees that somebody ended them, and brings the job back from its checkpoints.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from potager.cli import environment
from potager.cli.session import session
from potager.cli.settings import data_option, folder
from potager.kernel.errors import Invalid, NotFound

NOTICE = 120.0
"""Seconds between the warning and the end, as EC2 gives them."""


@click.command("interrupt")
@click.argument("job")
@data_option
@click.option("--region", help="The job's region, where it is not the server's own.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=NOTICE,
    show_default=True,
    help="Seconds between SIGTERM and SIGKILL.",
)
def command(job: str, data: str | None, region: str | None, grace: float) -> None:
    """Interrupt the managed spot training JOB, on the machine that runs it.

    Its program gets SIGTERM, and SIGKILL after the grace. The job is Interrupted, then starts again from its
    checkpoints.
    """
    where = folder({"data": data}, os.environ)
    env = environment.of(where)
    clients: Any = session(env, region or env["AWS_DEFAULT_REGION"])
    sagemaker = clients.client("sagemaker")
    try:
        found = sagemaker.describe_training_job(TrainingJobName=job)
    except ClientError as error:
        raise NotFound(str(error)) from error
    if not found.get("EnableManagedSpotTraining"):
        raise Invalid(f"Training job {job} is no managed spot job: nothing interrupts it. Stop it instead.")
    interrupt(where, found["TrainingJobArn"], grace)
    click.echo(f"{job}: interrupted")


def interrupt(data: Path, arn: str, grace: float) -> None:
    """Tells the workloads of a training job to end; `NotFound` when none runs."""
    # Imported here: `potager --help` needs none of it.
    from potager.compute.process.executor import ProcessExecutor
    from potager.compute.workload import Running

    executor = ProcessExecutor()
    notes = [path for depth in ("*", "*/*") for path in (data / "jobs").glob(depth + "/run/workload.json")]
    ours = [path.parents[1] for path in notes if _arn(path) == arn]
    running = [one for one in ours if isinstance(executor.observe(one), Running)]
    if not running:
        raise NotFound(f"The training job {arn} has no program that runs now. Try again once it is Training.")
    for one in running:
        executor.stop(one, grace)


def _arn(path: Path) -> str:
    """Whose workload it is; "" where the note is gone meanwhile."""
    try:
        return json.loads(path.read_bytes())["environment"].get("TRAINING_JOB_ARN", "")
    except OSError:
        return ""
