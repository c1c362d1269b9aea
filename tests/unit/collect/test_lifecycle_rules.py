"""Which object goes when, by lifecycle rules."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from potager.collect.s3.buckets import rules
from potager.collect.s3.buckets.rules import DAY, Rule, doomed, header, parsed, ripe
from potager.store.aging import Chain
from potager.store.entries import Entry


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOON = at("2026-03-01T12:00:00")


def entry(modified: float = NOON, *, key: str = "logs/a", size: int = 100, sequence: int = 1, **tags: str) -> Entry:
    doc = {"_tags": tags} if tags else {}
    return Entry("b", key, f"blob{sequence}", size, "", modified, doc=doc, version=str(sequence), sequence=sequence)


def marker(modified: float, sequence: int) -> Entry:
    return Entry("b", "logs/a", "", 0, "", modified, version=str(sequence), sequence=sequence)


def test_days_are_over_at_the_midnight_behind_them() -> None:
    assert ripe(at("2014-01-15T10:30:00"), 3, DAY) == at("2014-01-19T00:00:00")
    assert ripe(at("2014-01-15T00:00:00"), 1, DAY) == at("2014-01-16T00:00:00")
    assert ripe(1000.5, 3, 10.0) == 1030.5


def test_a_current_object_goes_when_its_days_are_over_and_not_before() -> None:
    found = [Rule(id="r", days=1)]
    midnight = at("2026-03-03T00:00:00")
    assert doomed(found, Chain(entry()), midnight - 1, DAY) == []
    assert doomed(found, Chain(entry()), midnight, DAY) == [entry()]


def test_a_date_takes_all_that_is_covered_whatever_its_age() -> None:
    found = [Rule(id="r", date=at("2026-01-01T00:00:00"), prefix="logs/")]
    assert doomed(found, Chain(entry(NOON)), NOON, DAY) == [entry(NOON)]
    assert doomed(found, Chain(entry(key="other")), NOON, DAY) == []
    assert doomed(found, Chain(entry()), at("2025-12-31T23:59:59"), DAY) == []


def test_a_filter_takes_prefix_tags_and_sizes_together() -> None:
    rule = Rule(id="r", prefix="logs/", tags={"a": "1"}, larger=10, smaller=1000)
    assert rule.covers(entry(size=11, a="1", b="2"))
    assert not rule.covers(entry(size=10, a="1"))
    assert not rule.covers(entry(size=1000, a="1"))
    assert not rule.covers(entry(size=11, a="2"))
    assert not rule.covers(entry(size=11))
    assert not rule.covers(entry(size=11, key="log", a="1"))


def test_other_versions_go_by_how_long_they_are_not_current_and_the_newest_of_them_stay() -> None:
    day = DAY
    chain = Chain(
        entry(NOON + 3 * day, sequence=4), [entry(NOON + each * day, sequence=each + 1) for each in (2, 1, 0)]
    )
    later = NOON + 4 * day + DAY
    assert [each.sequence for each in doomed([Rule(id="r", noncurrent=1)], chain, later, day)] == [3, 2, 1]
    assert [each.sequence for each in doomed([Rule(id="r", noncurrent=1, newer=2)], chain, later, day)] == [1]
    assert doomed([Rule(id="r", noncurrent=30)], chain, later, day) == []


def test_a_delete_marker_goes_once_nothing_is_below_it() -> None:
    alone, above = Chain(None, [marker(NOON, 2)]), Chain(None, [marker(NOON, 2), entry(sequence=1)])
    for rule in (Rule(id="r", markers=True), Rule(id="r", days=1)):
        assert [each.sequence for each in doomed([rule], alone, NOON + 3 * DAY, DAY)] == [2]
        assert doomed([rule], above, NOON + 3 * DAY, DAY) == []
    assert doomed([Rule(id="r", days=1)], alone, NOON, DAY) == []
    both = [Rule(id="r", markers=True, noncurrent=1)]
    assert [each.sequence for each in doomed(both, above, NOON + 3 * DAY, DAY)] == [1, 2]


def test_only_rules_that_are_enabled_count_and_all_forms_of_a_filter_are_read() -> None:
    configuration = {
        "Rules": [
            {"ID": "off", "Status": "Disabled", "Filter": {}, "Expiration": {"Days": 1}},
            {"ID": "old", "Status": "Enabled", "Prefix": "p/", "Expiration": {"Date": 86400.0}},
            {
                "ID": "tag",
                "Status": "Enabled",
                "Filter": {"Tag": {"Key": "k", "Value": "v"}},
                "Expiration": {"Days": 2},
            },
            {
                "ID": "and",
                "Status": "Enabled",
                "Filter": {"And": {"Prefix": "q/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeLessThan": 9}},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 4},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 5},
            },
        ]
    }
    assert parsed(configuration) == [
        Rule(id="old", prefix="p/", date=86400.0),
        Rule(id="tag", tags={"k": "v"}, days=2),
        Rule(id="and", prefix="q/", tags={"k": "v"}, smaller=9, noncurrent=3, newer=4, abort=5),
    ]


def test_the_header_names_the_rule_that_comes_first() -> None:
    found = [Rule(id="late", days=30), Rule(id="so/on", days=1), Rule(id="other", prefix="x", days=1)]
    assert header(found, entry(), DAY) == 'expiry-date="Tue, 03 Mar 2026 00:00:00 GMT", rule-id="so%2Fon"'
    assert header([Rule(id="r", noncurrent=1)], entry(), DAY) is None
    assert header([Rule(id="r", days=2**31 - 1)], entry(), DAY) is None


def test_uploads_end_by_their_prefix_and_age() -> None:
    found = [Rule(id="r", prefix="u/", abort=2)]
    assert rules.stale(found, "u/k", NOON, NOON + 3 * DAY, DAY)
    assert not rules.stale(found, "u/k", NOON, NOON + 2 * DAY, DAY)
    assert not rules.stale(found, "v/k", NOON, math.inf, DAY)
