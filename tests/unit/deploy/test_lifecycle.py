from typing import Any

import pytest

from potager.deploy.lifecycle import Fail, Raise, Remove, Rest, Serve, decide, places

NONE: frozenset[str] = frozenset()


def deployment(revision: str = "r1", count: int = 1, weight: float = 1.0) -> dict[str, Any]:
    container = {"image": "i", "data": "d", "environment": {}}
    variant = {"name": "a", "containers": [container], "weight": weight, "count": count}
    return {"config": "c", "revision": revision, "variants": [variant]}


def test_an_instance_is_named_by_what_it_runs_and_not_by_its_share() -> None:
    one = places("e", deployment())
    more = places("e", deployment(count=2, weight=9.0))
    assert one == more[:1]
    assert places("e", deployment("r2")) != one


@pytest.mark.parametrize("status", ["Creating", "Updating"])
def test_a_deployment_is_raised_then_served(status: str) -> None:
    wanted = places("e", deployment(count=2))
    assert decide(status, wanted, NONE, NONE) == Raise(wanted)
    assert decide(status, wanted, {wanted[0].id}, NONE) == Raise(wanted[1:])
    assert decide(status, wanted, {place.id for place in wanted}, NONE) == Serve()


def test_a_deployment_of_which_an_instance_fails_has_failed() -> None:
    wanted = places("e", deployment(count=2))
    assert decide("Creating", wanted, NONE, {wanted[1].id}) == Fail(wanted[1])


def test_a_live_endpoint_rests_whatever_its_instances_do() -> None:
    wanted = places("e", deployment(count=2))
    assert decide("InService", wanted, NONE, {wanted[0].id}) == Rest()


def test_an_endpoint_to_be_deleted_is_removed_and_a_failed_one_rests() -> None:
    assert decide("Deleting", [], NONE, NONE) == Remove()
    assert decide("Failed", places("e", deployment()), NONE, NONE) == Rest()
