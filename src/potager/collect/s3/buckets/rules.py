"""Lifecycle rules: which object goes when. Pure; nothing here looks at a clock or a store.

A number of days is over at the next midnight UTC behind it, as on S3: an object of noon that lives for a day expires at
the midnight after the next noon. Where a day is set to be another time than 86,400 seconds nothing is rounded.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from potager.collect.s3.objects import tags
from potager.store.aging import Chain
from potager.store.entries import Entry

DAY = 86_400.0
"""Seconds of a day that is one."""
LAST = 253_402_300_799.0
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that is enabled.

    Parameters
    ----------
    prefix, tags, larger, smaller : what it applies to: keys, tags, sizes above and below those bytes.
    days, date : when a current object goes; seconds since 1970.
    markers : whether a delete marker goes that nothing is below.
    noncurrent, newer : days after which another version goes, and how many of those above it stay.
    abort : days after which an upload under way ends.
    """

    id: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    larger: int | None = None
    smaller: int | None = None
    days: int | None = None
    date: float | None = None
    markers: bool = False
    noncurrent: int | None = None
    newer: int = 0
    abort: int | None = None

    def covers(self, entry: Entry) -> bool:
        """Whether it applies to an object or version."""
        return (
            entry.key.startswith(self.prefix)
            and (self.larger is None or entry.size > self.larger)
            and (self.smaller is None or entry.size < self.smaller)
            and (not self.tags or self.tags.items() <= tags.of(entry.doc).items())
        )

    def expires(self, entry: Entry, day: float) -> float:
        """When a current object or a delete marker goes by it; never is infinity."""
        if self.date is not None:
            return self.date
        return math.inf if self.days is None else ripe(entry.modified, self.days, day)


def ripe(since: float, days: int, day: float) -> float:
    """When so many days since then are over."""
    at = since + days * day
    return math.ceil(at / DAY) * DAY if day == DAY else at


def parsed(configuration: Mapping[str, Any]) -> list[Rule]:
    """The rules of a stored configuration that are enabled."""
    return [_parsed(rule) for rule in configuration.get("Rules", ()) if rule["Status"] == "Enabled"]


def _parsed(rule: Mapping[str, Any]) -> Rule:
    filtered = {"Prefix": rule.get("Prefix", ""), **rule.get("Filter", {})}
    filtered |= filtered.get("And", {})
    tags = [*filtered.get("Tags", ()), *([filtered["Tag"]] if "Tag" in filtered else ())]
    expiration, others = rule.get("Expiration", {}), rule.get("NoncurrentVersionExpiration", {})
    return Rule(
        id=rule["ID"],
        prefix=filtered["Prefix"],
        tags={tag["Key"]: tag["Value"] for tag in tags},
        larger=filtered.get("ObjectSizeGreaterThan"),
        smaller=filtered.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date=expiration.get("Date"),
        markers=expiration.get("ExpiredObjectDeleteMarker", False),
        noncurrent=others.get("NoncurrentDays"),
        newer=others.get("NewerNoncurrentVersions", 0),
        abort=rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    )


def doomed(rules: Sequence[Rule], chain: Chain, now: float, day: float) -> list[Entry]:
    """What of a key is to go now."""
    found = list(_noncurrent(rules, chain, now, day))
    if chain.current is not None:
        over = any(rule.covers(chain.current) and rule.expires(chain.current, day) <= now for rule in rules)
        return [*found, chain.current] if over else found
    if len(chain.older) == 1 + len(found):
        found += [marker for marker in chain.older[:1] if _is_over(rules, marker, now, day)]
    return found


def _is_over(rules: Iterable[Rule], marker: Entry, now: float, day: float) -> bool:
    """Whether a delete marker with nothing below goes: rules of days and dates take it as an object of their age."""
    return marker.marker and any(
        rule.covers(marker) and (rule.markers or rule.expires(marker, day) <= now) for rule in rules
    )


def _noncurrent(rules: Sequence[Rule], chain: Chain, now: float, day: float) -> Iterator[Entry]:
    """The versions that go. One has been noncurrent since the one above it came."""
    kept = [chain.current, *chain.older] if chain.current is not None else chain.older
    for place, (above, version) in enumerate(pairwise(kept)):
        if any(
            rule.noncurrent is not None
            and place >= rule.newer
            and rule.covers(version)
            and ripe(above.modified, rule.noncurrent, day) <= now
            for rule in rules
        ):
            yield version


def stale(rules: Sequence[Rule], key: str, initiated: float, now: float, day: float) -> bool:
    """Whether an upload under way ends now."""
    return any(
        rule.abort is not None and key.startswith(rule.prefix) and ripe(initiated, rule.abort, day) <= now
        for rule in rules
    )


def header(rules: Sequence[Rule], entry: Entry, day: float) -> str | None:
    """`x-amz-expiration` of a current object: the first of its ends, and by which rule; None when it stays.

    An end that no date of HTTP can tell is as good as none.
    """
    ends = [(rule.expires(entry, day), rule.id) for rule in rules if rule.covers(entry)]
    at, rule = min(ends, default=(math.inf, ""))
    if at > LAST:
        return None
    return f'expiry-date="{formatdate(at, usegmt=True)}", rule-id="{quote(rule, safe="")}"'
