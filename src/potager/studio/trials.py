"""The trials of a tuning job as its page shows them: all of them, numbered, kept for as long as they are the same.

Describe ─► counters ─► the same as before? the trials that were read then : List, page after page
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from potager.studio.asking import Asking
from potager.studio.resources import ENDED
from potager.train.tuning import insight
from potager.train.tuning.insight import Choice, Range, Space

if TYPE_CHECKING:
    from potager.train.tuning.search.importance import Importance

KEPT = 16
"""Tuning jobs whose trials are kept."""
STEP = 5
"""While a job runs, what mattered is worked out anew after so many trials."""
MOST = 1000
"""More trials than a tuning job can have."""
PACE = 5
"""Trials that must have ended before the time left is spoken of."""


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job.

    `number` counts from 1 in the order in which they were made; `value` is the objective, None where there is none.
    """

    number: int
    name: str
    status: str
    definition: str
    values: Mapping[str, str]
    value: float | None
    reason: str
    began: datetime | None
    ended: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it trained."""
        return (self.ended - self.began).total_seconds() if self.began and self.ended else None


@dataclass(frozen=True)
class Group:
    """What one training job definition searches, and the trials made by it."""

    name: str
    metric: str
    maximize: bool
    space: Space
    trials: Sequence[Trial]

    @property
    def told(self) -> list[tuple[Trial, float]]:
        """The trials that have an objective, with it."""
        return [(trial, trial.value) for trial in self.trials if trial.value is not None]

    def best(self) -> Trial | None:
        """The first of the best."""
        sign = -1 if self.maximize else 1
        return min(self.told, key=lambda each: sign * each[1], default=(None,))[0]

    def range(self, name: str) -> Range | None:
        """A hyperparameter's range."""
        return next((each for each in self.space.ranges if each.name == name), None)


@dataclass
class Tuned:
    """A tuning job, as Describe tells of it, and its trials."""

    found: Mapping[str, Any]
    trials: Sequence[Trial]
    groups: Sequence[Group]
    weighed: dict[tuple[str, int], tuple[Importance | None, int]] = field(default_factory=dict[Any, Any])
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.found["HyperParameterTuningJobStatus"] in ENDED

    def group(self, name: str | None) -> Group:
        """The group of a definition; the first where there is none of that name."""
        return next((each for each in self.groups if each.name == name), self.groups[0])

    async def importance(self, group: Group) -> tuple[Importance | None, int]:
        """What mattered of a group, None where that cannot be said, and how many trials it takes to say it."""
        ended = [(trial, value) for trial, value in group.told if trial.status == "Completed" and trial.ended]
        ended.sort(key=lambda each: (each[0].ended or datetime.min.replace(tzinfo=UTC), each[0].number))
        count = len(ended) if self.over else len(ended) - len(ended) % STEP
        tried = [(trial.values, value) for trial, value in ended[:count]]
        async with self.lock:
            key = (group.name, count)
            if key not in self.weighed:
                self.weighed[key] = await asyncio.to_thread(insight.weighed, group.space, tried)
            return self.weighed[key]


class Shelf:
    """The tuning jobs that were looked at last, by name."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Any, Tuned]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def tuned(self, ask: Asking, name: str) -> Tuned:
        """A tuning job with all its trials."""
        found = await describe(ask, name)
        sign = [found.get(member) for member in SIGN]
        async with self._lock:
            before = self._kept.get(name)
            if before is None or before[0] != sign:
                made = _tuned(found, await _listed(ask, name))
                if before is not None and before[0][0] == sign[0]:
                    made.weighed = before[1].weighed
                self._kept[name] = (sign, made)
            else:
                before[1].found = found
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[name][1]


SIGN = ("CreationTime", "HyperParameterTuningJobStatus", "TrainingJobStatusCounters", "ObjectiveStatusCounters")
"""Where these are the same, the trials are; the first names the job, for a name can be used again."""


async def describe(ask: Asking, name: str) -> dict[str, Any]:
    """What Describe tells."""
    return await ask("sagemaker", "DescribeHyperParameterTuningJob", HyperParameterTuningJobName=name)


async def _listed(ask: Asking, name: str) -> list[dict[str, Any]]:
    asked = {"HyperParameterTuningJobName": name, "SortBy": "CreationTime", "MaxResults": 100}
    operation = "ListTrainingJobsForHyperParameterTuningJob"
    return [each async for each in ask.every("sagemaker", operation, "TrainingJobSummaries", MOST, **asked)]


def _tuned(found: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> Tuned:
    trials = [_trial(number, each) for number, each in enumerate(listed, 1)]
    given = definitions(found)
    groups = [
        Group(
            definition.get("DefinitionName", ""),
            goal["MetricName"],
            goal["Type"] == "Maximize",
            space,
            [trial for trial in trials if len(given) == 1 or trial.definition == definition["DefinitionName"]],
        )
        for definition, goal, space in zip(given, goals(found), insight.spaces(found), strict=True)
    ]
    return Tuned(found, trials, groups)


def _trial(number: int, each: Mapping[str, Any]) -> Trial:
    value = each.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    return Trial(
        number,
        each["TrainingJobName"],
        each["TrainingJobStatus"],
        each.get("TrainingJobDefinitionName", ""),
        each["TunedHyperParameters"],
        value if value is not None and math.isfinite(value) else None,
        each.get("FailureReason", ""),
        moment(each.get("TrainingStartTime")),
        moment(each.get("TrainingEndTime")),
    )


def moment(value: Any) -> datetime | None:
    """A time of an operation's output, which may be seconds since 1970."""
    return value if value is None or isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)


def definitions(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The training job definitions of a tuning job, one or several."""
    return [found["TrainingJobDefinition"]] if "TrainingJobDefinition" in found else found["TrainingJobDefinitions"]


def goals(found: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """What each definition aims at."""
    common = found["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    return [common or each["TuningObjective"] for each in definitions(found)]


def ended(found: Mapping[str, Any]) -> int:
    """How many trials have ended."""
    counters = found["TrainingJobStatusCounters"]
    return sum(counters.values()) - counters["InProgress"]


def left(found: Mapping[str, Any], now: datetime) -> float | None:
    """The seconds that a running job takes yet at the pace that it had; None where that cannot be said."""
    limit = found["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    done, begun = ended(found), moment(found["CreationTime"])
    if found["HyperParameterTuningJobStatus"] != "InProgress" or not limit or done < PACE or begun is None:
        return None
    return (now - begun).total_seconds() / done * max(0, limit - done)


def sort(trials: Sequence[Trial], by: str, *, descending: bool) -> list[Trial]:
    """Trials in another order; those that have nothing to be ordered by come last."""

    def key(trial: Trial) -> Any:
        if by in ("number", "name", "status"):
            return getattr(trial, by)
        if by in ("objective", "seconds"):
            return trial.value if by == "objective" else trial.seconds
        return _number(trial.values.get(by))

    some = [trial for trial in trials if key(trial) is not None]
    words = any(isinstance(key(trial), str) for trial in some)
    ordered = sorted(some, key=lambda trial: str(key(trial)) if words else key(trial), reverse=descending)
    return ordered + [trial for trial in trials if key(trial) is None]


def _number(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        value = float(insight.unquoted(text))
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def brief(text: str) -> str:
    """A hyperparameter's value with no more digits than a reader wants."""
    value = _number(text)
    if isinstance(value, float):
        return text if value.is_integer() else f"{value:.6g}"
    return insight.unquoted(text)


def shown(range_: Range, text: str) -> float | str | None:
    """A hyperparameter's value as charts have it: a number, or a word."""
    if isinstance(range_, Choice):
        return insight.unquoted(text)
    found = _number(text)
    return found if isinstance(found, float) else None
