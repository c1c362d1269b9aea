import pytest

from potager.compute.instances import shape
from potager.deploy.components.room import Need, count, fits

M5 = shape("ml.m5.large")  # 2 vCPU, 8192 MB


@pytest.mark.parametrize(
    ("instances", "needs", "there"),
    [
        (1, [Need(8192)], True),
        (1, [Need(8193)], False),
        (1, [Need(4096), Need(4097)], False),
        (2, [Need(4096), Need(4097)], True),
        (2, [Need(5000)] * 3, False),
        (2, [Need(3000), Need(5000), Need(3000), Need(5000)], True),
        (1, [Need(128, 1.5), Need(128, 0.5)], True),
        (1, [Need(128, 1.5), Need(128, 1.0)], False),
        (1, [Need(128, devices=1.0)], False),
        (0, [], True),
    ],
)
def test_a_copy_lies_on_one_instance_with_room_for_all_that_it_needs(
    instances: int, needs: list[Need], there: bool
) -> None:
    assert fits(M5, instances, needs) is there


def test_accelerators_are_shared_out() -> None:
    assert fits(shape("ml.g5.12xlarge"), 1, [Need(1024, devices=2.0)] * 2)
    assert not fits(shape("ml.g5.12xlarge"), 1, [Need(1024, devices=2.0)] * 3)


def test_where_instances_are_managed_the_most_that_there_may_be_count() -> None:
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}
    assert count({"count": 1, "spec": {"ManagedInstanceScaling": scaling}}) == 3
    assert count({"count": 1, "spec": {"ManagedInstanceScaling": {**scaling, "Status": "DISABLED"}}}) == 1
    assert count({"count": 2, "spec": {}}) == 2
