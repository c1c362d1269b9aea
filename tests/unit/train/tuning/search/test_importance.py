"""How much each hyperparameter mattered, and when that cannot be said."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from potager.train.tuning.search.importance import MOST, Importance, importance, needed
from tests.unit.train.tuning.search.wire import categorical, continuous, integer, space

SPACE = space(
    integer("depth", 1, 9),
    continuous("rate", 0.0001, 1, "Logarithmic"),
    continuous("idle", 0, 1),
    categorical("kind", "a", "b", "c"),
)


def told(count: int, score: Callable[[dict[str, str]], float]) -> Importance | None:
    """What is said of trials drawn at random."""
    source = random.Random(3)
    tried = [SPACE.values([source.random() for _ in SPACE.ranges]) for _ in range(count)]
    return importance(SPACE, [(values, score(values)) for values in tried])


def test_what_the_objective_hangs_on_has_the_largest_share() -> None:
    found = told(80, lambda of: -((math.log10(float(of["rate"])) + 2) ** 2) + 0.5 * (of["kind"] == "b"))
    assert found is not None
    shares = {each.name: each for each in found.shares}
    assert [each.name for each in found.shares[:2]] == ["rate", "kind"]
    assert shares["rate"].alone > 0.8
    assert shares["idle"].in_all < 0.05
    assert shares["depth"].in_all < 0.05
    assert found.told > 0.8
    assert found.trials == 80


def test_what_two_do_only_together_is_in_neither_s_own_part() -> None:
    found = told(150, lambda of: (float(of["idle"]) - 0.5) * (int(of["depth"]) - 5))
    assert found is not None
    first, second = found.shares[:2]
    assert {first.name, second.name} == {"idle", "depth"}
    assert first.in_all > 0.7
    assert second.in_all > 0.7
    assert max(first.alone, second.alone) < 0.2


def test_noise_is_told_from_knowledge() -> None:
    source = random.Random(5)
    found = told(60, lambda _: source.gauss(0, 1))
    assert found is not None
    assert found.told < 0.2


def test_one_far_out_does_not_decide() -> None:
    turns = iter(range(60))
    found = told(60, lambda of: float(of["idle"]) if next(turns) != 30 else 1e300)
    assert found is not None
    assert found.shares[0].name == "idle"


def test_of_many_some_are_drawn() -> None:
    found = told(400, lambda of: float(of["idle"]))
    assert found is not None
    assert found.trials == MOST


@pytest.mark.parametrize(("count", "score"), [(needed(SPACE) - 1, 0.0), (40, 7.0)])
def test_too_few_or_all_alike_say_nothing(count: int, score: float) -> None:
    assert told(count, lambda of: score or float(of["idle"])) is None


def test_trials_outside_the_space_are_left_out() -> None:
    assert importance(SPACE, [({"rate": "x"}, 1.0)] * 100) is None
