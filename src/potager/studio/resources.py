"""The resources that have a list and a detail page, a line or two each; the rest is read from botocore's model.

A list operation's output has one list of summaries; a describe operation has one required member, the name, which the
summaries have, too. Whatever ends with `Status` is the status.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from potager.wire import model

if TYPE_CHECKING:
    from botocore.model import StructureShape


@dataclass(frozen=True)
class Resource:
    """A kind of thing.

    Parameters
    ----------
    slug : its part of the address. title : what several are called. stage : where in the lifecycle it belongs.
    list, describe : the operations. empty : what to do when there is none, in a sentence.
    columns : members of a summary that the list shows, besides name, status and creation.
    actions : (address below Studio's, label) of the buttons that stand above the list.
    chosen : (address below Studio's, parameter, label) of what is done with several; rows can be ticked then.
    """

    slug: str
    title: str
    stage: str
    list: str
    describe: str
    empty: str
    service: str = "sagemaker"
    columns: tuple[str, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    chosen: tuple[str, str, str] | None = None

    @cached_property
    def items(self) -> str:
        """The member of the list's output that holds the summaries."""
        members = self._output.members
        return next(name for name, shape in members.items() if shape.type_name == "list")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The members of a summary, with their shapes."""
        items: Any = self._output.members[self.items]
        return dict(items.member.members)

    @cached_property
    def key(self) -> str:
        """The describe operation's parameter."""
        return _input(self.service, self.describe).required_members[0]

    @cached_property
    def name(self) -> str:
        """The member of a summary that is its name."""
        return self.key if self.key in self.summary else next(name for name in self.summary if name.endswith("Name"))

    @cached_property
    def status(self) -> str | None:
        """The member that is its status, where it has one."""
        return next((name for name in self.summary if name.endswith("Status")), None)

    def statuses(self) -> tuple[str, ...]:
        """The values that a status can have."""
        return tuple(getattr(self.summary[self.status], "enum", ())) if self.status else ()

    def accepts(self, member: str) -> bool:
        """Whether the list can be asked for that: NameContains, StatusEquals, SortBy ..."""
        return member in _input(self.service, self.list).members

    def sorts(self, by: str) -> bool:
        """Whether the list can be sorted by that: Name, CreationTime, Status."""
        return self.accepts("SortBy") and by in getattr(_input(self.service, self.list).members["SortBy"], "enum", ())

    @property
    def _output(self) -> StructureShape:
        return cast("StructureShape", model.operation(self.service, self.list).output_shape)


def _input(service: str, operation: str) -> StructureShape:
    return cast("StructureShape", model.operation(service, operation).input_shape)


ENDED = ("Completed", "Failed", "Stopped")
"""Statuses of a job that does nothing any more."""

RESOURCES = (
    Resource(
        "training-jobs",
        "Training jobs",
        "train",
        "ListTrainingJobs",
        "DescribeTrainingJob",
        "A training job reads channels from S3, runs an algorithm or your program, and leaves model.tar.gz.",
        actions=(("/new/training-job", "Start a training job"),),
        chosen=("/compare", "job", "Compare those ticked"),
    ),
    Resource(
        "tuning-jobs",
        "Tuning jobs",
        "train",
        "ListHyperParameterTuningJobs",
        "DescribeHyperParameterTuningJob",
        "A tuning job runs many training jobs, each with other hyperparameters, and names the best.",
        columns=("Strategy",),
        actions=(("/new/tuning-job", "Start one"),),
    ),
    Resource(
        "processing-jobs",
        "Processing jobs",
        "prepare",
        "ListProcessingJobs",
        "DescribeProcessingJob",
        "A processing job runs your program on data in S3, to prepare it or to look at it.",
    ),
    Resource(
        "models",
        "Models",
        "deploy",
        "ListModels",
        "DescribeModel",
        "A model says which artifact goes with which image. Make one from a training job that completed.",
    ),
    Resource(
        "endpoint-configs",
        "Endpoint configurations",
        "deploy",
        "ListEndpointConfigs",
        "DescribeEndpointConfig",
        "An endpoint configuration says how much of which model an endpoint runs.",
    ),
    Resource(
        "endpoints",
        "Endpoints",
        "deploy",
        "ListEndpoints",
        "DescribeEndpoint",
        "An endpoint answers one prediction at a time, over HTTP.",
        actions=(("/new/endpoint", "Deploy a model"),),
    ),
    Resource(
        "transform-jobs",
        "Transform jobs",
        "deploy",
        "ListTransformJobs",
        "DescribeTransformJob",
        "A transform job has a model answer for a whole data set in S3.",
        actions=(("/new/transform-job", "Start a transform job"),),
    ),
)
BY_SLUG = {resource.slug: resource for resource in RESOURCES}


@dataclass(frozen=True)
class Place:
    """A page that no resource has: where it is, what it is called, and its stage of the lifecycle, "" for none."""

    address: str
    title: str
    stage: str = ""


PLACES = (
    Place("/tutorial", "Fraud tutorial", "frame"),
    Place("/data", "Data", "collect"),
    Place("/notebooks", "Notebooks", "prepare"),
    Place("/compare", "Compare jobs", "evaluate"),
    Place("/logs", "Logs and events", "monitor"),
    Place("/alarms", "Alarms", "monitor"),
    Place("/settings", "Settings"),
)
"""Those of them that have a route stand in the navigation and are found by the search."""

ABOUT = {
    "frame": ("What is asked, by which figure it is judged, and what there is to beat.", ""),
    "collect": ("Raw data, in buckets.", ""),
    "label": (
        "Answers to learn from, given by people.",
        "Labeling jobs are not served yet. Have the labels as a column of your data.",
    ),
    "prepare": ("Clean, join, split, and make numbers of it.", ""),
    "train": ("Learn a model, and try which settings learn best.", ""),
    "evaluate": ("How good it is on data that it has not seen.", "A training job's page shows how good its model is."),
    "deploy": ("Have it answer, one request at a time or a whole data set.", ""),
    "monitor": ("See that it still answers well.", "CloudWatch's metrics and alarms are served to AWS clients."),
    "automate": (
        "Do all of it again by itself.",
        "Pipelines are not served yet. A program that calls boto3 does each step.",
    ),
}
"""The stages of the lifecycle, in order: what each is for, and what to do where it has no page."""

STAGES = tuple(ABOUT)
