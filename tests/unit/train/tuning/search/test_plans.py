"""Strategies and limits as a request gives them, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import Invalid
from potager.train.tuning.search import Criteria, count
from potager.train.tuning.search.automatic import limits
from tests.unit.train.tuning.search.wire import categorical, continuous, integer, plan, space

REAL = space(continuous("x", 0, 1))
WORDS = space(categorical("c", "a", "b"), categorical("d", "1", "2", "3"))


def test_a_grid_has_as_many_trials_as_combinations() -> None:
    assert count(plan(WORDS, WORDS, strategy="Grid")) == 12
    assert count(plan(WORDS, strategy="Grid", ResourceLimits={"MaxNumberOfTrainingJobs": 6})) == 6
    assert count(plan(REAL, ResourceLimits={"MaxNumberOfTrainingJobs": 7})) == 7
    assert count(plan(REAL)) is None


@pytest.mark.parametrize(
    ("strategy", "found", "config", "said"),
    [
        ("Grid", REAL, {}, r"Only categorical .* \[x\]"),
        ("Grid", WORDS, {"ResourceLimits": {"MaxNumberOfTrainingJobs": 5}}, r"\[5\] .* \[6\]"),
        ("Random", WORDS, {"ResourceLimits": {"MaxNumberOfTrainingJobs": 10}}, r"ranges \[6.0\] .* \[10\]. Provide"),
        ("Hyperband", REAL, {"TrainingJobEarlyStoppingType": "Auto"}, "must be Off"),
        ("Hyperband", REAL, {}, "could not be inferred"),
        ("Bayesian", REAL, {"StrategyConfig": {"HyperbandStrategyConfig": {}}}, "only with the Hyperband strategy"),
    ],
)
def test_plans_that_aws_refuses_are_refused(strategy: str, found: Any, config: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        plan(found, strategy=strategy, **config)


def band(**resources: int) -> dict[str, Any]:
    return {"StrategyConfig": {"HyperbandStrategyConfig": resources}}


def test_hyperbands_resources_are_given_or_read_from_the_epochs() -> None:
    given = plan(REAL, strategy="Hyperband", **band(MinResource=2, MaxResource=54))
    assert (given.min_resource, given.max_resource) == (2, 54)
    epochs = space(continuous("x", 0, 1), static={"n_epochs": '"30"'})
    assert plan(epochs, strategy="Hyperband").max_resource == 30
    with pytest.raises(Invalid, match=r"\[9\] must be less than the MaxResource \[9\]"):
        plan(REAL, strategy="Hyperband", **band(MinResource=9, MaxResource=9))
    with pytest.raises(Invalid, match="limit of"):
        plan(REAL, strategy="Hyperband", **band(MaxResource=30_000))


def test_criteria_and_seeds_are_read() -> None:
    found = plan(
        REAL,
        RandomSeed=0,
        TrainingJobEarlyStoppingType="Auto",
        TuningJobCompletionCriteria={
            "TargetObjectiveMetricValue": 0.9,
            "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
            "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
        },
    )
    assert found.criteria == Criteria(0.9, 5, True)
    assert found.seed == 0
    assert found.early_stopping
    assert plan(REAL, seed="an-id").seed == "an-id"


def test_autotune_fills_in_what_a_request_leaves_out_and_nothing_else() -> None:
    chosen = limits({"Strategy": "Bayesian", "ResourceLimits": {"MaxParallelTrainingJobs": 2}}, [REAL.ranges])
    assert chosen["ResourceLimits"] == {"MaxParallelTrainingJobs": 2, "MaxNumberOfTrainingJobs": 20}
    assert chosen["TrainingJobEarlyStoppingType"] == "Auto"
    assert chosen["TuningJobCompletionCriteria"] == {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}
    given = {
        "Strategy": "Hyperband",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1},
        "TuningJobCompletionCriteria": {"ConvergenceDetected": {"CompleteOnConvergence": "Disabled"}},
    }
    assert limits(given, [REAL.ranges]) == {**given, "TrainingJobEarlyStoppingType": "Off"}


def test_autotune_asks_for_no_more_trials_than_there_are_points() -> None:
    few = space(integer("n", 1, 5)).ranges
    assert limits({"Strategy": "Random"}, [few])["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 5
    assert "MaxNumberOfTrainingJobs" not in limits({"Strategy": "Grid"}, [few])["ResourceLimits"]
