from __future__ import annotations

from typing import Any

import pytest

from potager.deploy.traffic.policy import check, retained
from potager.kernel.errors import Invalid
from tests.unit.deploy.traffic.test_plan import blue_green, deployment, rolling, size

OLD, NEW = deployment("r1", a=4), deployment("r2", a=4)


@pytest.mark.parametrize(
    "config",
    [
        {},
        blue_green("ALL_AT_ONCE"),
        blue_green("CANARY", CanarySize=size(50)),
        blue_green("CANARY", CanarySize=size(2, "INSTANCE_COUNT")),
        blue_green("LINEAR", LinearStepSize=size(10)),
        rolling(size(5)),
        rolling(size(50), RollbackMaximumBatchSize=size(100)),
    ],
)
def test_what_aws_takes_is_taken(config: dict[str, Any]) -> None:
    check(config, NEW, OLD)
    check(config, NEW)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (blue_green("ALL_AT_ONCE") | rolling(size(10)), "Give one of them"),
        (blue_green("CANARY"), "needs a CanarySize"),
        (blue_green("LINEAR", LinearStepSize=size(20), CanarySize=size(20)), "takes no CanarySize"),
        (blue_green("CANARY", CanarySize=size(51)), "CanarySize 51 .* 0% to 50%"),
        (blue_green("CANARY", CanarySize=size(3, "INSTANCE_COUNT")), "is 75% of the 4"),
        (blue_green("LINEAR", LinearStepSize=size(9)), "10% to 50%"),
        (rolling(size(4)), "MaximumBatchSize 4"),
        (rolling(size(50), RollbackMaximumBatchSize=size(101)), "RollbackMaximumBatchSize 101"),
        (blue_green("LINEAR", wait=300, limit=600, LinearStepSize=size(30)), "the waiting alone takes 900 seconds"),
    ],
)
def test_what_aws_refuses_is_refused_with_the_remedy(config: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check(config, NEW, OLD)


def test_the_variants_must_be_named_alike() -> None:
    with pytest.raises(Invalid, match="The endpoint has a; the configuration 'r2' has b"):
        check(blue_green("ALL_AT_ONCE"), deployment("r2", b=1), deployment("r1", a=1))


def test_rolling_is_for_one_variant() -> None:
    two = deployment("r2", a=2, b=2)
    with pytest.raises(Invalid, match="one variant"):
        check(rolling(size(50)), two, two)


def test_properties_are_retained_but_those_excluded() -> None:
    now = deployment("r1", a=7, old=1) | {"capture": {"EnableCapture": True}}
    now["variants"][0]["weight"] = 3.0
    wanted = deployment("r2", a=1, fresh=2) | {"capture": None}
    kept = retained(wanted, now, [])
    assert [(each["name"], each["count"], each["weight"]) for each in kept["variants"]] == [
        ("a", 7, 3.0),
        ("fresh", 2, 1.0),
    ]
    assert kept["capture"] == {"EnableCapture": True}
    less = retained(wanted, now, ["DesiredInstanceCount", "DataCaptureConfig"])
    assert [(each["count"], each["weight"]) for each in less["variants"]] == [(1, 3.0), (2, 1.0)]
    assert less["capture"] is None
    assert retained(wanted, now, ["DesiredWeight"])["variants"][0]["weight"] == 1.0
