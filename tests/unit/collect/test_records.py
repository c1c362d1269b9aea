"""Records of events, as their targets get them."""

from __future__ import annotations

from potager.collect.s3.buckets.records import delivered, matches
from potager.store.events import Event


def test_each_target_gets_the_record_under_its_own_configuration_and_in_an_order() -> None:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}
    doc = {"Record": record, "Destinations": [{"Id": "one", "Arn": "arn:1"}, {"Id": "two", "Arn": "arn:2"}]}
    first = dict(delivered(Event(9, 0.0, "s3", "ObjectCreated:Put", "arn:aws:s3:::b/k", doc)))
    second = dict(delivered(Event(10, 0.0, "s3", "ObjectCreated:Put", "arn:aws:s3:::b/k", doc)))
    assert {arn: each["s3"]["configurationId"] for arn, each in first.items()} == {"arn:1": "one", "arn:2": "two"}
    assert first["arn:1"]["s3"]["object"]["sequencer"] < second["arn:1"]["s3"]["object"]["sequencer"]
    assert "configurationId" not in record["s3"]


def test_a_star_at_the_end_takes_what_begins_so() -> None:
    assert matches("s3:ObjectCreated:*", "s3:ObjectCreated:Put")
    assert matches("s3:ObjectCreated:Put", "s3:ObjectCreated:Put")
    assert not matches("s3:ObjectCreated:Put", "s3:ObjectCreated:Post")
    assert not matches("s3:ObjectRemoved:*", "s3:ObjectCreated:Put")
