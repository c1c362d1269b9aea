"""From a tuning job's configuration to a `Plan`, with what AWS refuses about strategies and limits refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel.errors import Invalid
from potager.train.tuning.search.ranges import Choice, combinations
from potager.train.tuning.search.spaces import Space
from potager.train.tuning.search.trials import Criteria, Plan

EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters that `MaxResource` is read from where a Hyperband job does not give it."""
MOST_RESOURCE = 20_000


def plan_of(
    config: Mapping[str, Any],
    spaces: Sequence[Space],
    maximize: Sequence[bool],
    seed: int | str,
    transfer: bool = False,
) -> Plan:
    """The plan of a `HyperParameterTuningJobConfig`; `Invalid` where AWS refuses it.

    Parameters
    ----------
    spaces, maximize : one for each training job definition.
    seed : what makes the job's draws its own where it has no `RandomSeed`: its id.
    transfer : whether it warm-starts by `TransferLearning`.
    """
    strategy = config.get("Strategy") or "Bayesian"
    early = config.get("TrainingJobEarlyStoppingType") == "Auto"
    hyperband = _part(config, "StrategyConfig").get("HyperbandStrategyConfig")
    limit = _part(config, "ResourceLimits").get("MaxNumberOfTrainingJobs")
    if hyperband is not None and strategy != "Hyperband":
        raise Invalid(
            f"HyperbandStrategyConfig can be used only with the Hyperband strategy, and the strategy is [{strategy}]. "
            "Remove StrategyConfig, or set Strategy to Hyperband."
        )
    least, most = (1, 1) if strategy != "Hyperband" else _resources(hyperband or {}, spaces, early)
    seeded = config.get("RandomSeed")
    return Plan(
        strategy=strategy,
        spaces=tuple(spaces),
        maximize=tuple(maximize),
        seed=seed if seeded is None else int(seeded),
        limit=_grid(spaces, limit) if strategy == "Grid" else _enough(spaces, limit),
        min_resource=least,
        max_resource=most,
        early_stopping=early,
        criteria=_criteria(_part(config, "TuningJobCompletionCriteria")),
        transfer=transfer,
    )


def _part(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return given.get(name) or {}


def _criteria(given: Mapping[str, Any]) -> Criteria:
    return Criteria(
        target=given.get("TargetObjectiveMetricValue"),
        not_improving=_part(given, "BestObjectiveNotImproving").get("MaxNumberOfTrainingJobsNotImproving"),
        on_convergence=_part(given, "ConvergenceDetected").get("CompleteOnConvergence") == "Enabled",
    )


def _grid(spaces: Sequence[Space], limit: int | None) -> int:
    numbers = [each.name for space in spaces for each in space.ranges if not isinstance(each, Choice)]
    if numbers:
        raise Invalid(
            "Only categorical hyperparameters can be used with the Grid strategy, and these are not: "
            f"[{', '.join(numbers)}]. Give their values in CategoricalParameterRanges."
        )
    total = sum(combinations(space.ranges) or 0 for space in spaces)
    if limit is not None and limit != total:
        raise Invalid(
            f"The MaxNumberOfTrainingJobs [{limit}] of a job with the Grid strategy must be the number of distinct "
            f"combinations of its categorical values, [{total}]. Set it so, or leave it out."
        )
    return total


def _enough(spaces: Sequence[Space], limit: int | None) -> int | None:
    sizes = [space.size for space in spaces]
    if limit is not None and None not in sizes and (total := sum(size or 0 for size in sizes)) < limit:
        raise Invalid(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{total:.1f}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{limit}]. Provide additional ranges."
        )
    return limit


def _resources(given: Mapping[str, Any], spaces: Sequence[Space], early: bool) -> tuple[int, int]:
    if early:
        raise Invalid(
            "TrainingJobEarlyStoppingType must be Off with the Hyperband strategy, which stops training jobs itself."
        )
    least = int(given.get("MinResource") or 1)
    most = int(given.get("MaxResource") or _epochs(spaces))
    if most > MOST_RESOURCE:
        raise Invalid(f"The MaxResource [{most}] is above the limit of [{MOST_RESOURCE}].")
    if least >= most:
        raise Invalid(f"The MinResource [{least}] must be less than the MaxResource [{most}].")
    return least, most


def _epochs(spaces: Sequence[Space]) -> int:
    found: list[int] = []
    for space in spaces:
        given = [space.static[name] for name in EPOCHS if name in space.static]
        if not given or not given[0].strip('"').isdigit():
            raise Invalid(
                "MaxResource is missing and could not be inferred from StaticHyperParameters "
                f"({', '.join(EPOCHS)}). Give it in HyperbandStrategyConfig."
            )
        found.append(int(given[0].strip('"')))
    return max(found)
