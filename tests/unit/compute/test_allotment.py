from __future__ import annotations

import itertools
import random

import pytest

from potager.compute import allotment
from potager.compute.allotment import Ask, Grant, Share
from potager.compute.budget import GIB, MIB, Budget
from potager.kernel.errors import LimitReached

LAPTOP = Budget(cpus=4, memory=7 * GIB)
WORKSTATION = Budget(cpus=16, memory=112 * GIB, gpus=2)
_numbers = itertools.count()


def job(*kinds: str) -> Ask:
    number = next(_numbers)
    return Ask(f"job-{number}", f"training job j{number}", kinds, float(number))


def endpoint(kind: str = "ml.m5.xlarge") -> Ask:
    number = next(_numbers)
    return Ask(f"ep-{number}", f"endpoint e{number}", (kind,), float(number), "server")


def given(budget: Budget, held: list[Share], ask: Ask) -> Share:
    share = allotment.offer(budget, held, ask)
    assert share is not None
    return share


def test_a_job_that_the_machine_can_hold_gets_what_its_type_has() -> None:
    share = given(WORKSTATION, [], job("ml.m5.xlarge"))
    assert share.hosts == (Grant("ml.m5.xlarge", 4, 16 * GIB),)
    assert share.hosts[0].note() == ()


@pytest.mark.parametrize("kind", ["ml.m5.xlarge", "ml.m5.4xlarge", "ml.p3.2xlarge"])
def test_a_type_larger_than_the_machine_gets_what_there_is_and_the_log_says_so(kind: str) -> None:
    (host,) = given(LAPTOP, [], job(kind)).hosts
    assert (host.cpus, host.memory, host.gpus) == (4, 7 * GIB * 7 // 8, ())
    (line,) = host.note()
    assert line.startswith(f"Instance: {kind} was asked for, which has ")
    assert line.endswith("this machine gives it 4 vCPUs and 6.1 GiB")


def test_a_type_larger_than_the_machine_gets_the_same_whatever_runs_beside_it() -> None:
    small = given(LAPTOP, [], job("ml.t3.medium"))
    assert allotment.offer(LAPTOP, [small], job("ml.m5.4xlarge")) is None
    assert given(LAPTOP, [], job("ml.m5.4xlarge")).cpus == 4


def test_jobs_that_fit_run_beside_one_another_and_no_more() -> None:
    held: list[Share] = []
    while share := allotment.offer(WORKSTATION, held, job("ml.m5.xlarge")):
        held.append(share)
    assert len(held) == 4
    told = allotment.waiting(WORKSTATION, held, job("ml.m5.xlarge"), 2)
    assert told.startswith(
        "Waiting for 4 vCPUs and 16.0 GiB (1 x ml.m5.xlarge); 0 vCPUs, 2 GPUs and 48.0 GiB are free."
    )
    assert "2 before it wait, too. Held by training job j" in told


def test_memory_is_what_jobs_wait_for_where_it_is_what_lacks() -> None:
    held = [given(WORKSTATION, [], job("ml.r5.2xlarge"))]
    assert allotment.offer(WORKSTATION, held, job("ml.r5.2xlarge")) is None
    assert allotment.offer(WORKSTATION, held, job("ml.c5.2xlarge")) is not None


def test_all_hosts_of_a_job_are_granted_together_in_proportion() -> None:
    share = given(LAPTOP, [], job("ml.m5.large", "ml.m5.large", "ml.m5.xlarge"))
    assert [host.cpus for host in share.hosts] == [1, 1, 2]
    room = 7 * GIB * 7 // 8
    assert [host.memory for host in share.hosts] == [room // 4, room // 4, room // 2]


def test_more_hosts_than_cores_share_them() -> None:
    share = given(LAPTOP, [], job(*["ml.m5.large"] * 6))
    assert [host.cpus for host in share.hosts] == [1] * 6
    assert allotment.offer(LAPTOP, [share], job("ml.t3.medium")) is None


def test_an_operator_may_have_more_jobs_run_than_there_are_cores() -> None:
    crowded = Budget(cpus=8, memory=32 * GIB, cores=2)
    held: list[Share] = []
    while share := allotment.offer(crowded, held, job("ml.c5.2xlarge" if held else "ml.t3.medium")):
        held.append(share)
    assert [share.cpus for share in held] == [2, 2]  # memory is full, and no host has more cores than the machine
    assert given(crowded, held[1:], job("ml.t3.medium")).cpus == 2


def test_hosts_that_would_have_too_little_memory_to_start_are_refused_in_awss_words() -> None:
    with pytest.raises(LimitReached, match=r"InsufficientInstanceCapacity.*40 instances.*256 MiB is the least"):
        allotment.offer(LAPTOP, [], job(*["ml.m5.large"] * 40))


def test_gpus_are_numbered_and_held_by_one_job_at_a_time() -> None:
    first = given(WORKSTATION, [], job("ml.g4dn.xlarge"))
    second = given(WORKSTATION, [first], job("ml.g4dn.xlarge"))
    assert (first.gpus, second.gpus) == ((0,), (1,))
    assert allotment.offer(WORKSTATION, [first, second], job("ml.g4dn.xlarge")) is None
    assert given(WORKSTATION, [first, second], job("ml.m5.large")).gpus == ()
    assert allotment.offer(WORKSTATION, [first], job("ml.p3.8xlarge")) is None


def test_more_gpus_than_there_are_is_what_there_is() -> None:
    assert given(WORKSTATION, [], job("ml.p3.8xlarge")).hosts[0].gpus == (0, 1)
    shared = given(WORKSTATION, [], job(*["ml.g4dn.xlarge"] * 3))
    assert [host.gpus for host in shared.hosts] == [(0,), (1,), ()]


def test_endpoints_hold_memory_and_no_cores_and_share_gpus() -> None:
    first = given(WORKSTATION, [], endpoint("ml.g4dn.xlarge"))
    second = given(WORKSTATION, [first], endpoint("ml.g4dn.xlarge"))
    third = given(WORKSTATION, [first, second], endpoint("ml.g4dn.xlarge"))
    assert [share.hosts[0].gpus for share in (first, second, third)] == [(0,), (1,), (0,)]
    assert given(WORKSTATION, [first, second, third], job("ml.p3.8xlarge")).gpus == (0, 1)
    assert first.cpus == 0
    assert first.hosts[0].cpus == 4


def test_a_newcomers_day_on_a_laptop() -> None:
    """Train, deploy, train while the endpoint stays, transform, deploy again: nothing waits for an idle endpoint."""
    held: list[Share] = []
    for step in ("ml.m5.xlarge", "endpoint", "ml.m5.4xlarge", "ml.p3.2xlarge", "endpoint", "ml.m5.xlarge", "endpoint"):
        if step == "endpoint":
            held.append(given(LAPTOP, held, endpoint()))
        else:
            assert given(LAPTOP, held, job(step)).memory >= 3 * GIB
    assert [share.memory // MIB for share in held] == [896, 672, 504]


def test_an_endpoint_can_be_deployed_while_a_job_has_all_the_rest() -> None:
    held = [given(LAPTOP, [], job("ml.m5.4xlarge"))]
    held.append(given(LAPTOP, held, endpoint()))
    assert allotment.offer(LAPTOP, held, endpoint()) is None


def test_endpoints_get_half_at_most_and_the_last_one_is_refused_in_awss_words() -> None:
    held: list[Share] = []
    for _ in range(6):
        held.append(given(LAPTOP, held, endpoint()))
    with pytest.raises(LimitReached, match=r"InsufficientInstanceCapacity.*endpoint e\d+ \(896 MiB\).*and 2 more"):
        allotment.offer(LAPTOP, held, endpoint())
    assert sum(share.memory for share in held) <= LAPTOP.memory // 2
    assert given(LAPTOP, held, job("ml.m5.4xlarge")).memory >= LAPTOP.memory // 2


def test_a_small_instance_is_not_given_more_than_it_has() -> None:
    assert given(WORKSTATION, [], endpoint("ml.t2.medium")).memory == 4 * GIB


def test_the_operator_says_what_an_endpoints_instance_is_given() -> None:
    big = Budget(cpus=4, memory=7 * GIB, server_memory=5 * GIB)
    assert given(big, [], endpoint()).memory == 5 * GIB
    small = Budget(cpus=4, memory=7 * GIB, server_memory=128 * MIB)
    held: list[Share] = []
    for _ in range(28):
        held.append(given(small, held, endpoint()))
    assert {share.memory for share in held} == {128 * MIB}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_granted_never_exceeds_the_machine(seed: int) -> None:
    source = random.Random(seed)
    budget = Budget(source.choice([1, 2, 4, 16]), source.choice([1, 3, 7, 60]) * GIB, source.choice([0, 1, 4]))
    kinds = ["ml.t3.medium", "ml.m5.large", "ml.m5.4xlarge", "ml.r5.xlarge", "ml.p3.2xlarge", "ml.g5.12xlarge"]
    held: list[Share] = []
    for _ in range(300):
        if held and source.random() < 0.4:
            held.pop(source.randrange(len(held)))
        many = [source.choice(kinds) for _ in range(source.choice([1, 1, 1, 2]))]
        ask = endpoint(many[0]) if source.random() < 0.3 else job(*many)
        try:
            share = allotment.offer(budget, held, ask)
        except LimitReached:
            continue
        held += [share] if share else []
        assert sum(each.memory for each in held) <= budget.memory
        assert sum(min(each.cpus, budget.cpus) for each in held) <= budget.cpus
        taken = [number for each in held for number in each.gpus]
        assert len(taken) == len(set(taken))
        assert all(each.memory > 0 for each in held)
