"""What built-in algorithms recommend can be searched, and what is proposed is allowed."""

from __future__ import annotations

import pytest

from potager.compute.catalog import REPOSITORIES, find
from potager.images.algorithm.hyperparameters import Catalogue, typed
from potager.train.tuning.search import Plan, Space, Trial, propose

CATALOGUES = {
    name: catalogue
    for name in REPOSITORIES
    if (image := find(name)) is not None and (catalogue := image.catalogue()) is not None
}


def test_there_are_algorithms_that_can_be_tuned() -> None:
    assert {"linear-learner", "xgboost"} <= CATALOGUES.keys()


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
def test_every_recommended_value_is_one_that_the_algorithm_takes(catalogue: Catalogue) -> None:
    space = Space.of("", None, catalogue, autotune=True)
    for place in (0.0, 0.25, 0.5, 0.75, 1.0):
        for name, text in space.values([place] * len(space.ranges)).items():
            parameter = catalogue.get(name)
            assert parameter is not None
            typed(parameter, text)


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
def test_every_recommendation_can_be_searched(catalogue: Catalogue) -> None:
    space = Space.of("", None, catalogue, autotune=True)
    asked = Plan("Bayesian", (space,), (True,), seed=1)
    trials: list[Trial] = []
    for number in range(len(space.ranges) + 5):
        proposal = propose(asked, trials)
        if proposal is None:
            assert space.size == number
            break
        trials.append(Trial(0, proposal.values, "done", number % 3))
