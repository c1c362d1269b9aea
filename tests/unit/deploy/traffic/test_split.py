from __future__ import annotations

from collections import Counter

import pytest

from potager.deploy.router import Route, Variant
from potager.deploy.traffic.split import Split, blend
from tests.unit.deploy.test_router import instance


def test_two_fleets_share_a_variant() -> None:
    old, fresh = instance(), instance()
    (variant,) = blend([Variant("a", 1.0, [old])], [Variant("a", 1.0, [fresh])], {"a": 0.25})
    drawn = Counter("fresh" if variant.pick() is fresh else "old" for _ in range(4000))
    assert 850 < drawn["fresh"] < 1150
    assert list(variant.instances) == [old, fresh]


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_fleet_that_is_down_leaves_its_share_to_the_other(share: float) -> None:
    old, dead = instance(), instance(alive=False)
    (variant,) = blend([Variant("a", 1.0, [old])], [Variant("a", 1.0, [dead])], {"a": share})
    assert all(variant.pick() is old for _ in range(50))
    (variant,) = blend([Variant("a", 1.0, [dead])], [Variant("a", 1.0, [old])], {"a": share})
    assert all(variant.pick() is old for _ in range(50))


def test_nothing_is_split_before_the_first_step() -> None:
    variants = [Variant("a", 1.0, [instance()])]
    assert blend(variants, [Variant("a", 1.0, [instance()])], {"a": 0.0}) == variants


def test_weights_shift_with_the_traffic() -> None:
    old = [Variant("a", 1.0, [instance()]), Variant("b", 1.0, [instance()])]
    fresh = [Variant("a", 3.0, [instance()]), Variant("b", 1.0, [instance()])]
    a, b = blend(old, fresh, {"a": 0.5, "b": 0.5})
    assert (a.weight, b.weight) == (0.625, 0.375)
    assert isinstance(a, Split)
    assert a.share == pytest.approx(0.6)
    assert Route([a, b]).pick("b") is b
