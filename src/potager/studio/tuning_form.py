"""What the form of a tuning job asks for: its fields as CreateHyperParameterTuningJob's members, and back. Pure.

The training job definition comes whole from a job (`like`), from a tuning job (`again`), or from fields as the form of
training jobs has them (`algorithm`, `uri.train`, `hp.eta` ...). Here are the others: `name`, `objective`, `direction`,
`strategy`, `jobs`, `parallel`, `minutes_in_all`, `early`, `seed`, `target`, `patience`, `convergence`, `least` and
`most` of Hyperband, `parents`, `warm`, `autotune`; and for each hyperparameter NAME `tune.NAME`, `kind.NAME`,
`low.NAME`, `high.NAME`, `scale.NAME`, `values.NAME`, and `hp.NAME` for one that is not tuned.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from potager.compute import catalog
from potager.images.algorithm.hyperparameters import Catalogue
from potager.kernel.errors import Invalid
from potager.studio.training.asked import Form, Unusable
from potager.train.tuning import insight
from potager.train.tuning.insight import Choice, Number, Range
from potager.wire import model

OBJECTIVE = "_tuning_objective_metric"
"""A static hyperparameter of SageMaker's own."""
KINDS = {"Integer": "whole number", "Continuous": "number", "Categorical": "one of some"}
SCALES = ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic")
STRATEGIES = {
    "Bayesian": "learns from the trials so far where to look next",
    "Random": "draws at random: trials know nothing of each other",
    "Grid": "tries every combination of values",
    "Hyperband": "begins many, and lets only the best go on",
}
DEFAULTS = {"strategy": "Bayesian", "jobs": "20", "parallel": "2", "early": "Off", "direction": "Maximize"}


@dataclass(frozen=True)
class Base:
    """What is tuned: the members of a training job definition, without what is tuned and for what.

    given : the hyperparameters that it has. metrics : what may be aimed at, with Maximize or Minimize, or "" where the
    reader must say.
    """

    definition: Mapping[str, Any]
    given: Mapping[str, str]
    metrics: Mapping[str, str]
    catalogue: Catalogue | None

    def rows(self) -> list[Range]:
        """What may be tuned, with the range that is recommended, or that is around the value that it has."""
        if self.catalogue is not None and not self.catalogue.scripted:
            return insight.recommended(self.catalogue, {})
        return [_around(name, value) for name, value in self.given.items() if not name.startswith("sagemaker_")]


def _around(name: str, value: str) -> Range:
    try:
        return insight.hinted({"Name": name, "ValueHint": value}, None)
    except Invalid:
        return Choice(name, (value,))


def base(found: Mapping[str, Any]) -> Base:
    """The base that a training job's request or description makes, or a tuning job's definition."""
    members = _shape().members["TrainingJobDefinition"]
    definition = {name: value for name, value in _pruned(found, members).items() if name not in _OWN}
    given = dict(found.get("StaticHyperParameters") or found.get("HyperParameters") or {})
    given.pop(OBJECTIVE, None)
    uri = definition["AlgorithmSpecification"].get("TrainingImage", "")
    image = catalog.find(uri)
    if image is None or not image.objectives or "sagemaker_program" in given:
        defined = definition["AlgorithmSpecification"].get("MetricDefinitions") or ()
        return Base(definition, given, {each["Name"]: "" for each in defined}, None)
    if not image.jumpstart:
        definition["AlgorithmSpecification"].pop("MetricDefinitions", None)
    return Base(definition, given, dict(image.objectives), image.catalogue())


_OWN = ("StaticHyperParameters", "HyperParameterRanges", "TuningObjective", "DefinitionName")


def repeated(found: Mapping[str, Any]) -> dict[str, Any]:
    """The request for another tuning job like one that is described."""
    made = _pruned(found, _shape())
    made["HyperParameterTuningJobName"] = f"{made['HyperParameterTuningJobName'][:26]}-again"
    single = "TrainingJobDefinition" in made
    for definition in [made["TrainingJobDefinition"]] if single else made["TrainingJobDefinitions"]:
        definition["StaticHyperParameters"].pop(OBJECTIVE, None)
        definition["AlgorithmSpecification"] = base(definition).definition["AlgorithmSpecification"]
    return made


def _shape() -> Any:
    return model.operation("sagemaker", "CreateHyperParameterTuningJob").input_shape


def _pruned(value: Any, shape: Any) -> Any:
    """What of a value an operation takes: a description tells more."""
    if shape.type_name == "structure":
        return {
            name: _pruned(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) not in (None, "", [], {})
        }
    if shape.type_name == "list":
        return [_pruned(each, shape.member) for each in value]
    return value


def fields(ranges: Sequence[Range]) -> Form:
    """The fields of what may be tuned."""
    form: Form = {}
    for each in ranges:
        if isinstance(each, Choice):
            form |= {f"kind.{each.name}": "Categorical", f"values.{each.name}": ", ".join(map(_bare, each.values))}
        else:
            form |= {
                f"kind.{each.name}": "Integer" if each.integer else "Continuous",
                f"low.{each.name}": _text(each, each.low),
                f"high.{each.name}": _text(each, each.high),
                f"scale.{each.name}": each.scaling,
            }
    return form


def _bare(value: str) -> str:
    return insight.unquoted(value)


def _text(number: Number, value: float) -> str:
    return str(int(value)) if number.integer else f"{value:.12g}"


def again(found: Mapping[str, Any]) -> Form:
    """The fields that ask for the same as a tuning job of one definition, but for its name."""
    config = found["HyperParameterTuningJobConfig"]
    limits, criteria = config["ResourceLimits"], config.get("TuningJobCompletionCriteria", {})
    hyperband = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    definition = found["TrainingJobDefinition"]
    goal = config.get("HyperParameterTuningJobObjective") or definition["TuningObjective"]
    told = {
        "objective": goal["MetricName"],
        "direction": goal["Type"],
        "strategy": config["Strategy"],
        "jobs": limits.get("MaxNumberOfTrainingJobs"),
        "parallel": limits["MaxParallelTrainingJobs"],
        "minutes_in_all": limits["MaxRuntimeInSeconds"] / 60 if limits.get("MaxRuntimeInSeconds") else None,
        "early": config.get("TrainingJobEarlyStoppingType"),
        "seed": config.get("RandomSeed"),
        "target": criteria.get("TargetObjectiveMetricValue"),
        "patience": criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving"),
        "convergence": "on" if criteria.get("ConvergenceDetected") else None,
        "least": hyperband.get("MinResource"),
        "most": hyperband.get("MaxResource"),
        "autotune": "on" if found.get("Autotune", {}).get("Mode") == "Enabled" else None,
    }
    form = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in told.items() if value}
    ranges = insight.spaces(found)[0].ranges
    return form | fields(ranges) | {f"tune.{each.name}": "on" for each in ranges}


def names(form: Mapping[str, str]) -> list[str]:
    """The hyperparameters that the form has a row for."""
    return [field.removeprefix("kind.") for field in form if field.startswith("kind.")]


def request(form: Mapping[str, str], of: Base) -> dict[str, Any]:
    """The members of CreateHyperParameterTuningJob; `Unusable` for what cannot be written down as such."""
    faults: dict[str, str] = {}
    ranges = _ranges(form, of, faults)
    tuned = {each["Name"] for kind in ranges.values() for each in kind}
    static = {name: value for name, value in of.given.items() if name not in tuned}
    for field, text in form.items():
        name = field.removeprefix("hp.")
        if field.startswith("hp.") and name not in tuned:
            if text.strip():
                static[name] = text.strip()
            else:
                static.pop(name, None)
    autotune = form.get("autotune") == "on"
    if not tuned and not (autotune and of.catalogue):
        faults["ranges"] = "Tick at least one hyperparameter to tune."
    config = _config(form, of, faults)
    if tuned:
        config["ParameterRanges"] = ranges
    if faults:
        raise Unusable(faults)
    made: dict[str, Any] = {
        "HyperParameterTuningJobName": form.get("name", "").strip(),
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": {**of.definition, "StaticHyperParameters": static},
    }
    if parents := [name.strip() for name in form.get("parents", "").split(",") if name.strip()]:
        made["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name} for name in parents],
            "WarmStartType": form.get("warm") or "IdenticalDataAndAlgorithm",
        }
    if autotune:
        made["Autotune"] = {"Mode": "Enabled"}
    return made


def _ranges(form: Mapping[str, str], of: Base, faults: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names(form):
        if form.get(f"tune.{name}") != "on":
            continue
        kind = form[f"kind.{name}"]
        each: dict[str, Any] = {"Name": name}
        if kind == "Categorical":
            values = [value.strip() for value in form.get(f"values.{name}", "").split(",") if value.strip()]
            if not values:
                faults[f"tune.{name}"] = "Give the values to try, with commas between them."
            quoted = of.given.get(name, "").startswith('"')
            each["Values"] = [json.dumps(value) if quoted else value for value in values]
        else:
            low, high = form.get(f"low.{name}", "").strip(), form.get(f"high.{name}", "").strip()
            if not (_number(low, kind) and _number(high, kind)):
                faults[f"tune.{name}"] = f"Give {'whole ' if kind == 'Integer' else ''}numbers from and to."
            elif float(low) >= float(high):
                faults[f"tune.{name}"] = f"From, {low}, must be less than to, {high}."
            each |= {"MinValue": low, "MaxValue": high, "ScalingType": form.get(f"scale.{name}") or "Auto"}
        found.setdefault(f"{kind}ParameterRanges", []).append(each)
    return found


def _number(text: str, kind: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and (kind != "Integer" or value.is_integer())


def _config(form: Mapping[str, str], of: Base, faults: dict[str, str]) -> dict[str, Any]:
    metric = form.get("objective", "")
    if metric not in of.metrics:
        faults["objective"] = "Choose what to aim at."
    whole = {each: _whole(form, each, faults) for each in ("jobs", "parallel", "seed", "patience", "least", "most")}
    minutes, target = _real(form, "minutes_in_all", faults), _real(form, "target", faults)
    if whole["parallel"] is None:
        faults.setdefault("parallel", "Say how many trials may run side by side.")
    seconds = None if minutes is None else max(120, round(minutes * 60))
    strategy = form.get("strategy", "Bayesian")
    early = "Off" if strategy == "Hyperband" else form.get("early") or "Off"
    criteria = {
        "TargetObjectiveMetricValue": target,
        "BestObjectiveNotImproving": _some({"MaxNumberOfTrainingJobsNotImproving": whole["patience"]}),
        "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"} if form.get("convergence") == "on" else None,
    }
    limits = {
        "MaxNumberOfTrainingJobs": whole["jobs"],
        "MaxParallelTrainingJobs": whole["parallel"],
        "MaxRuntimeInSeconds": seconds,
    }
    config: dict[str, Any] = {
        "Strategy": strategy,
        "HyperParameterTuningJobObjective": {
            "Type": of.metrics.get(metric) or form.get("direction") or "Maximize",
            "MetricName": metric,
        },
        "ResourceLimits": _some(limits),
        "TrainingJobEarlyStoppingType": early,
        "RandomSeed": whole["seed"],
        "TuningJobCompletionCriteria": _some(criteria),
    }
    if strategy == "Hyperband" and (hyperband := _some({"MinResource": whole["least"], "MaxResource": whole["most"]})):
        config["StrategyConfig"] = {"HyperbandStrategyConfig": hyperband}
    return cast("dict[str, Any]", _some(config))


def _some(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """Those that have a value; None where none has."""
    return {name: value for name, value in members.items() if value is not None} or None


def _whole(form: Mapping[str, str], field: str, faults: dict[str, str]) -> int | None:
    text = form.get(field, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 11):
        faults[field] = f"'{text}' is no whole number."
        return None
    return int(text)


def _real(form: Mapping[str, str], field: str, faults: dict[str, str]) -> float | None:
    text = form.get(field, "").strip()
    if not text:
        return None
    if not _number(text, ""):
        faults[field] = f"'{text}' is no number."
        return None
    return float(text)


def field_of(form: Mapping[str, str], message: str) -> str:
    """The field that an operation's complaint is about, as far as its text tells; "" otherwise."""
    for name in names(form):
        if f"[{name}]" in message or f"'{name}'" in message:
            return f"tune.{name}" if form.get(f"tune.{name}") == "on" else f"hp.{name}"
    text = message.casefold()
    return next((field for field, signs in _SIGNS.items() if any(sign.casefold() in text for sign in signs)), "")


_SIGNS = {
    "name": ("HyperParameterTuningJobName", "tuning job names must", "tuning job with this name"),
    "parents": ("parent", "WarmStart"),
    "objective": ("objective metric", "TuningObjective"),
    "jobs": ("MaxNumberOfTrainingJobs", "number of training jobs per"),
    "parallel": ("MaxParallelTrainingJobs", "parallel training jobs"),
    "minutes_in_all": ("MaxRuntimeInSeconds",),
    "most": ("MaxResource", "Hyperband"),
    "least": ("MinResource",),
    "early": ("EarlyStopping",),
    "strategy": ("Strategy", "Grid"),
}
