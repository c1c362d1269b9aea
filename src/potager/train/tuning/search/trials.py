"""What a strategy is told and what it answers: the plan, the trials so far, the proposal.

Plain data, so that a strategy can be asked again after a server was killed: it remembers nothing between two calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from potager.train.tuning.search.spaces import Space

State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job, or of a parent of it.

    Attributes
    ----------
    space : the place in `Plan.spaces` of the definition that it was made from.
    values : its hyperparameters as strings; those that are not tuned may be among them.
    state : `running` from the moment it is proposed; `stopped` before its end, whoever did it.
    value : the objective; None where it has none (yet).
    curve : the objective as the job reported it, `(step, value)`, steps counted from 1 and rising.
    prior : the name of the parent job that it comes from, empty for a trial of this job.
    """

    space: int
    values: Mapping[str, str]
    state: State = "running"
    value: float | None = None
    curve: Sequence[tuple[int, float]] = ()
    prior: str = ""


@dataclass(frozen=True)
class Criteria:
    """When a job is complete before its budget is spent (`TuningJobCompletionCriteria`)."""

    target: float | None = None
    not_improving: int | None = None
    on_convergence: bool = False


@dataclass(frozen=True)
class Plan:
    """How a tuning job searches; `plans.plan_of` reads it from a request.

    Attributes
    ----------
    strategy : `Bayesian`, `Random`, `Grid` or `Hyperband`.
    spaces : one for each training job definition.
    maximize : for each space, whether a higher objective is better.
    seed : `RandomSeed`, or the job's own id where it has none.
    limit : `MaxNumberOfTrainingJobs`; of a grid its size where none is given.
    min_resource, max_resource : of Hyperband, in reports of the objective.
    early_stopping : whether the median rule holds (`TrainingJobEarlyStoppingType: Auto`).
    transfer : whether parents' trials are of other data or another algorithm (`TransferLearning`).
    """

    strategy: str
    spaces: Sequence[Space]
    maximize: Sequence[bool]
    seed: int | str = 0
    limit: int | None = None
    min_resource: int = 1
    max_resource: int = 1
    early_stopping: bool = False
    criteria: Criteria = field(default_factory=Criteria)
    transfer: bool = False


@dataclass(frozen=True)
class Proposal:
    """The next trial: the tuned hyperparameters of a definition, and after how many reports it ends at the latest.

    `resource` is None but for Hyperband; `hopeless` sees to it.
    """

    space: int
    values: Mapping[str, str]
    resource: int | None = None


def own(trials: Sequence[Trial]) -> list[Trial]:
    """The trials of this job."""
    return [trial for trial in trials if not trial.prior]
