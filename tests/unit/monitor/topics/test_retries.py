"""When a delivery is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import Invalid
from potager.monitor.topics import retries
from potager.monitor.topics.retries import MAIL, Retries


def delays(policy: Retries) -> list[float]:
    found: list[float] = []
    while (delay := policy.delay(len(found) + 1)) is not None:
        found.append(round(delay, 3))
    return found


def test_the_default_is_three_more_attempts_twenty_seconds_apart() -> None:
    assert delays(Retries()) == [20, 20, 20]


def test_a_policy_goes_through_its_four_phases() -> None:
    policy = {"minDelayTarget": 1, "maxDelayTarget": 9, "numRetries": 8, "numNoDelayRetries": 1}
    phases = {"numMinDelayRetries": 2, "numMaxDelayRetries": 1}
    assert delays(retries.read(policy | phases)) == [0, 1, 1, 3, 5, 7, 9, 9]
    assert delays(retries.read(policy | phases | {"backoffFunction": "exponential"}))[3:7] == [1.732, 3, 5.196, 9]
    assert delays(retries.read(policy | phases | {"backoffFunction": "arithmetic"}))[3:7] == [1.5, 3, 5.5, 9]


def test_mail_is_tried_for_over_six_hours() -> None:
    found = delays(MAIL)
    assert (len(found), found[:2], found[-38:]) == (50, [10, 10], [600.0] * 38)
    assert sum(found) > 6 * 3600


@pytest.mark.parametrize(
    "policy",
    [
        {"numRetries": 101},
        {"numRetries": -1},
        {"numRetries": True},
        {"minDelayTarget": 0},
        {"minDelayTarget": 30},
        {"numRetries": 1, "numNoDelayRetries": 2},
        {"backoffFunction": "often"},
        {"minDelayTarget": 3600, "maxDelayTarget": 3600},
        {"retries": 1},
    ],
)
def test_a_policy_that_cannot_be_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="DeliveryPolicy"):
        retries.read(policy)


def test_a_subscriptions_own_policy_wins_unless_its_topic_says_no() -> None:
    topic = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}
    own = {"healthyRetryPolicy": {"numRetries": 7}, "requestPolicy": {"headerContentType": "application/json"}}
    assert retries.effective({}, {})["healthyRetryPolicy"]["numRetries"] == 3
    assert retries.effective(topic, {})["healthyRetryPolicy"]["numRetries"] == 5
    found = retries.effective(topic, own)
    assert (found["healthyRetryPolicy"]["numRetries"], found["requestPolicy"]["headerContentType"]) == (
        7,
        "application/json",
    )
    topic["http"]["disableSubscriptionOverrides"] = True  # type: ignore[assignment]
    assert retries.effective(topic, own)["healthyRetryPolicy"]["numRetries"] == 5


def test_a_policys_members_are_held_against_what_there_is() -> None:
    retries.check({"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}, of_topic=True)
    retries.check({"healthyRetryPolicy": {"numRetries": 5}, "throttlePolicy": {}}, of_topic=False)
    for policy in ({"healthy": {}}, {"requestPolicy": {"headerContentType": "text/html"}}):
        with pytest.raises(Invalid):
            retries.check(policy, of_topic=False)


@pytest.mark.parametrize("policy", [{"http": 5}, {"http": {"defaultHealthyRetryPolicy": [1]}}])
def test_a_policy_whose_members_are_of_another_kind_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="must be an object"):
        retries.check(policy, of_topic=True)


def test_a_policy_of_nothing_is_the_default() -> None:
    retries.check({"http": None}, of_topic=True)
    assert retries.effective({"http": None}) == retries.effective({})
