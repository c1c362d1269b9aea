"""The fraud tutorial, walked by Studio: made-up claims, prepared, learned from, and answered for by an endpoint.

    look (operations) ─► due (pure) ─► act (operations) ─► look ...

What there is, is what operations tell: a walk is a name, which its bucket, jobs, model and endpoint bear. So each act
can be done twice, a reload of the page shows where the walk is, and one that a stopped server left goes on at a click.
A further walk has a further name, since the names of jobs cannot be used again.

The claims and the programs are those of `examples/fraud`, which the package carries; the preparation needs pandas and
scikit-learn, which the server does not import: it is a processing job, as it would be in earnest.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potager.access.roles import role_arn
from potager.compute import catalog
from potager.kernel import examples
from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.studio.asking import Asking

log = logging.getLogger(__name__)

FIRST = "fraud-tutorial"
CLAIMS = "raw/claims.csv"
PROGRAMS = ("processing.py", "prepare.py", "columns.py", "errors.py")
PREPARES = "sagemaker-scikit-learn"
IMAGES = {
    "prepare": f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{PREPARES}:1.4-2-cpu-py3",
    "train": "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
}
INSTANCE = "ml.m5.large"
HYPERPARAMETERS = {
    "predictor_type": "binary_classifier",
    "binary_classifier_model_selection_criteria": "f_beta",
    "epochs": "30",
    "mini_batch_size": "35",
}
"""What `examples/fraud/train.py` gives for these claims."""

EVERY = 0.5
"""Seconds between two looks of a walk that goes on."""
OVER = ("Failed", "Stopped", "OutOfService")

_WALK = re.compile(rf"{FIRST}(?:-([0-9]{{1,6}}))?")


def missing() -> str:
    """What to install before a walk can be walked, "" where nothing is missing."""
    return catalog.Image(PREPARES, catalog.REPOSITORIES[PREPARES]).missing()


@dataclass(frozen=True)
class Seen:
    """What there is of a walk: the claims, and each job's and the endpoint's description, None for what is not made."""

    claims: bool = False
    prepare: dict[str, Any] | None = None
    train: dict[str, Any] | None = None
    deploy: dict[str, Any] | None = None

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each step, "" for one that has not begun."""
        return {
            "collect": "Completed" if self.claims else "",
            "prepare": (self.prepare or {}).get("ProcessingJobStatus", ""),
            "train": (self.train or {}).get("TrainingJobStatus", ""),
            "deploy": (self.deploy or {}).get("EndpointStatus", ""),
        }

    @property
    def failure(self) -> str:
        """Why the walk ended early, "" where it did not."""
        for found in (self.prepare, self.train, self.deploy):
            if found and any(found.get(name) in OVER for name in found if name.endswith("Status")):
                return found.get("FailureReason") or found.get("ExitMessage") or "It was stopped."
        return ""

    @property
    def done(self) -> bool:
        """Whether the endpoint answers."""
        return self.statuses["deploy"] == "InService"


def due(seen: Seen) -> str:
    """The step to begin now; "" where one is under way, all is done, or one has failed."""
    for step, status in seen.statuses.items():
        if not status:
            return step
        if status != "Completed":
            return ""
    return ""


async def walks(ask: Asking) -> tuple[str | None, str]:
    """The walk that there is, the latest where there are several, and what the next one is called."""
    buckets, jobs = await asyncio.gather(
        ask("s3", "ListBuckets"), ask("sagemaker", "ListProcessingJobs", NameContains=FIRST, MaxResults=100)
    )
    names = [bucket["Name"] for bucket in buckets.get("Buckets", ())]
    here = numbered(names)
    used = here | numbered(job["ProcessingJobName"] for job in jobs["ProcessingJobSummaries"])
    following = 1 + max(used, default=0)
    return here.get(max(here, default=0)), FIRST if following == 1 else f"{FIRST}-{following}"


def numbered(names: Any) -> dict[int, str]:
    """The names among them that are a walk's, by its number."""
    found = ((_WALK.fullmatch(name), name) for name in names)
    return {int(match[1] or 1): name for match, name in found if match}


async def look(ask: Asking, walk: str) -> Seen:
    """What there is of a walk."""
    claims, prepare, train, deploy = await asyncio.gather(
        _there(ask("s3", "HeadObject", Bucket=walk, Key=CLAIMS)),
        _there(ask("sagemaker", "DescribeProcessingJob", ProcessingJobName=walk)),
        _there(ask("sagemaker", "DescribeTrainingJob", TrainingJobName=walk)),
        _there(ask("sagemaker", "DescribeEndpoint", EndpointName=walk)),
    )
    return Seen(claims is not None, prepare, train, deploy)


async def _there(asked: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
    """The answer; None where there is no such thing."""
    try:
        return await asked
    except WireError as error:
        if error.status >= 500 or "denied" in error.code.lower():
            raise
        return None


class Walker:
    """Walks on in the background, one walk at a time each."""

    def __init__(self, closing: asyncio.Event) -> None:
        self._closing = closing
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._problems: dict[str, str] = {}

    def walking(self, walk: str) -> bool:
        """Whether somebody sees to it that the next step begins."""
        return walk in self._tasks

    def problem(self, walk: str) -> str:
        """What kept a step from beginning, "" for nothing."""
        return self._problems.get(walk, "")

    def go(self, ask: Asking, walk: str) -> None:
        """Begins, or goes on; does nothing where the walk goes on already."""
        if walk in self._tasks:
            return
        self._problems.pop(walk, None)
        task = self._tasks[walk] = asyncio.create_task(self._walk(ask, walk))
        task.add_done_callback(lambda _: self._tasks.pop(walk, None))

    async def _walk(self, ask: Asking, walk: str) -> None:
        try:
            while not self._closing.is_set():
                seen = await look(ask, walk)
                if seen.done or seen.failure:
                    return
                if step := due(seen):
                    await STEPS[step](ask, walk)
                    continue
                await _pause(self._closing)
        except WireError as error:
            self._problems[walk] = f"{error.code}: {error.message}"
        except Exception:
            if not self._closing.is_set():
                log.exception("the tutorial %s", walk)
                self._problems[walk] = "The server could not go on; its log says why."


async def _pause(closing: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(closing.wait(), EVERY)
    except TimeoutError:
        return


async def collect(ask: Asking, walk: str) -> None:
    """A bucket with the programs and, last, the claims."""
    await ask("s3", "CreateBucket", Bucket=walk)
    folder = examples.folder("fraud")
    for name in PROGRAMS:
        await _put(ask, walk, f"code/{name}", (folder / name).read_bytes())
    await _put(ask, walk, CLAIMS, await _claims(folder))


async def _claims(folder: Path) -> bytes:
    """The claims as `claims.py` makes them up: in a process of its own, so that the server imports no numpy."""
    with tempfile.TemporaryDirectory() as place:
        target = Path(place, "claims.csv")
        command = [sys.executable, str(folder / "claims.py"), "--out", str(target)]
        made = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        if await made.wait():
            raise RuntimeError(f"{folder / 'claims.py'} ended with {made.returncode}")
        return await asyncio.to_thread(target.read_bytes)


async def _put(ask: Asking, bucket: str, key: str, content: bytes) -> None:
    kind = "text/csv" if key.endswith(".csv") else "text/x-python"
    await ask("s3", "PutObject", Bucket=bucket, Key=key, Body=Body.of(content), ContentType=kind)


async def prepare(ask: Asking, walk: str) -> None:
    """The processing job that makes numbers of the claims, in three parts."""
    place = "/opt/ml/processing"

    def given(name: str, uri: str) -> dict[str, Any]:
        source = {"S3Uri": uri, "LocalPath": f"{place}/input/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
        return {"InputName": name, "S3Input": source}

    def made(name: str) -> dict[str, Any]:
        target = {"S3Uri": f"s3://{walk}/{name}", "LocalPath": f"{place}/{name}", "S3UploadMode": "EndOfJob"}
        return {"OutputName": name, "S3Output": target}

    await ask(
        "sagemaker",
        "CreateProcessingJob",
        ProcessingJobName=walk,
        RoleArn=_role(ask),
        AppSpecification={
            "ImageUri": IMAGES["prepare"],
            "ContainerEntrypoint": ["python3", f"{place}/input/code/processing.py"],
        },
        ProcessingInputs=[given("claims", f"s3://{walk}/{CLAIMS}"), given("code", f"s3://{walk}/code/")],
        ProcessingOutputConfig={"Outputs": [made("train"), made("validation"), made("test")]},
        ProcessingResources={"ClusterConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 5}},
        StoppingCondition={"MaxRuntimeInSeconds": 1800},
    )


async def train(ask: Asking, walk: str) -> None:
    """The training job."""

    def channel(name: str) -> dict[str, Any]:
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": f"s3://{walk}/{name}/",
            "S3DataDistributionType": "FullyReplicated",
        }
        return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}

    await ask(
        "sagemaker",
        "CreateTrainingJob",
        TrainingJobName=walk,
        RoleArn=_role(ask),
        AlgorithmSpecification={"TrainingImage": IMAGES["train"], "TrainingInputMode": "File"},
        HyperParameters=HYPERPARAMETERS,
        InputDataConfig=[channel("train"), channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{walk}/output/"},
        ResourceConfig={"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 1800},
    )


async def deploy(ask: Asking, walk: str) -> None:
    """Model, endpoint configuration and endpoint; those that are there already stay."""
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=walk)
    container = {"Image": IMAGES["train"], "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    if await _there(ask("sagemaker", "DescribeModel", ModelName=walk)) is None:
        await ask("sagemaker", "CreateModel", ModelName=walk, PrimaryContainer=container, ExecutionRoleArn=_role(ask))
    if await _there(ask("sagemaker", "DescribeEndpointConfig", EndpointConfigName=walk)) is None:
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": walk,
            "InstanceType": INSTANCE,
            "InitialInstanceCount": 1,
        }
        await ask("sagemaker", "CreateEndpointConfig", EndpointConfigName=walk, ProductionVariants=[variant])
    await ask("sagemaker", "CreateEndpoint", EndpointName=walk, EndpointConfigName=walk)


STEPS: dict[str, Callable[[Asking, str], Awaitable[None]]] = {
    "collect": collect,
    "prepare": prepare,
    "train": train,
    "deploy": deploy,
}


def _role(ask: Asking) -> str:
    return role_arn(ask.context.account)
