"""When a delivery that failed is tried again: the four phases of a delivery policy. Pure.

    at once ─► after the least delay ─► with growing delays ─► after the greatest delay ─► given up

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from potager.monitor.topics.service import invalid

FUNCTIONS = ("linear", "arithmetic", "geometric", "exponential")
MOST_RETRIES, LONGEST = 100, 3600
"""Retries, and seconds of one delay and of all together, that a policy may ask for."""
CONTENT_TYPES = ("text/plain", "application/json", "application/xml")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a delivery is tried again, and when.

    Parameters
    ----------
    least, greatest : seconds between two attempts.
    total : retries of all phases.
    at_once, early, late : retries of the first, the second and the last phase; the third has the rest.
    function : how delays grow in the third phase.
    """

    least: float = 20
    greatest: float = 20
    total: int = 3
    at_once: int = 0
    early: int = 0
    late: int = 0
    function: str = "linear"

    def delay(self, attempt: int) -> float | None:
        """Seconds from the failure of an attempt, counted from 1, to the next one; None where there is none."""
        if attempt > self.total:
            return None
        if attempt <= self.at_once:
            return 0.0
        if attempt <= self.at_once + self.early:
            return float(self.least)
        if attempt > self.total - self.late:
            return float(self.greatest)
        steps = self.total - self.at_once - self.early - self.late
        return self._grown((attempt - self.at_once - self.early) / steps)

    def _grown(self, share: float) -> float:
        """The delay at a share of the third phase, in (0, 1]."""
        if self.function == "arithmetic":
            share *= share
        elif self.function in ("geometric", "exponential"):
            ratio = max(self.greatest / self.least, 1.0)
            return float(self.least * ratio**share)
        return float(self.least + (self.greatest - self.least) * share)


MAIL = Retries(least=10, greatest=600, total=50, early=2, late=38, function="exponential")
"""For SMTP, which no policy changes."""

_MEMBERS = {
    "minDelayTarget": "least",
    "maxDelayTarget": "greatest",
    "numRetries": "total",
    "numNoDelayRetries": "at_once",
    "numMinDelayRetries": "early",
    "numMaxDelayRetries": "late",
    "backoffFunction": "function",
}


def read(policy: Mapping[str, Any], member: str = "DeliveryPolicy") -> Retries:
    """What a `healthyRetryPolicy` says; `Invalid` for one that cannot be."""
    given: dict[str, Any] = {}
    for name, value in policy.items():
        if name not in _MEMBERS:
            raise invalid(member, f"{name} is no member of healthyRetryPolicy.")
        known = value in FUNCTIONS if name == "backoffFunction" else type(value) is int and 0 <= value <= LONGEST
        if not known:
            raise invalid(member, f"healthyRetryPolicy.{name} cannot be {value!r}.")
        given[_MEMBERS[name]] = value
    found = Retries(**given)
    if not 1 <= found.least <= found.greatest:
        raise invalid(member, "healthyRetryPolicy.minDelayTarget must be 1 at least, and maxDelayTarget no less.")
    if found.total > MOST_RETRIES or found.at_once + found.early + found.late > found.total:
        raise invalid(member, "healthyRetryPolicy.numRetries must be 100 at most, and the phases' sum no more.")
    if sum(found.delay(attempt) or 0.0 for attempt in range(1, found.total + 1)) > LONGEST:
        raise invalid(member, f"healthyRetryPolicy takes longer than {LONGEST} seconds.")
    return found


def shown(found: Retries) -> dict[str, Any]:
    """As `healthyRetryPolicy` has it."""
    return {name: getattr(found, attribute) for name, attribute in _MEMBERS.items()}


def effective(topic: Mapping[str, Any], subscription: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The http policy that holds for a subscription: its own, or its topic's; what they leave out is the default.

    Parameters
    ----------
    topic, subscription : the documents of their attributes DeliveryPolicy, empty without one.
    """
    http: Mapping[str, Any] = topic.get("http") or {}
    own = subscription or {}
    if http.get("disableSubscriptionOverrides"):
        own = {}
    healthy: Mapping[str, Any] = own.get("healthyRetryPolicy") or http.get("defaultHealthyRetryPolicy", {})
    request: Mapping[str, Any] = own.get("requestPolicy") or http.get("defaultRequestPolicy", {})
    return {
        "healthyRetryPolicy": shown(read(healthy)),
        "requestPolicy": {"headerContentType": request.get("headerContentType", "text/plain; charset=UTF-8")},
    }


def check(policy: Mapping[str, Any], *, of_topic: bool) -> None:
    """`Invalid` for a DeliveryPolicy that cannot be."""
    http: Any = policy.get("http") or {} if of_topic else policy
    if not isinstance(http, dict):
        raise invalid("DeliveryPolicy", "http must be an object.")
    prefix = "default" if of_topic else ""
    for name, part in cast("dict[str, Any]", http).items():
        plain = name.removeprefix(prefix)
        plain = plain[:1].lower() + plain[1:]
        if plain in ("healthyRetryPolicy", "requestPolicy") and not isinstance(part or {}, dict):
            raise invalid("DeliveryPolicy", f"{name} must be an object.")
        if plain == "healthyRetryPolicy":
            read(part or {})
        elif plain == "requestPolicy":
            _check_request(part or {})
        elif plain not in ("throttlePolicy", "disableSubscriptionOverrides", "sicklyRetryPolicy"):
            raise invalid("DeliveryPolicy", f"Unexpected JSON member: {name}")


def _check_request(part: Mapping[str, Any]) -> None:
    kind = str(part.get("headerContentType", CONTENT_TYPES[0]))
    if kind.partition(";")[0].strip() not in CONTENT_TYPES or not kind.isprintable():
        raise invalid("DeliveryPolicy", f"headerContentType is none of {', '.join(CONTENT_TYPES)}.")
