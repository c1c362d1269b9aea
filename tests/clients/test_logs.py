"""CloudWatch Logs through boto3, on streams that were written as workers write them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from potager.kernel import logfile
from potager.kernel.names import Scope
from potager.store.logs import Logs

HERE = Scope("000000000000", "us-east-1")


@pytest.fixture
def group(server: Any) -> str:
    """A group of three streams: `a/0` and `a/1` share their times, `b/0` comes later."""
    name = f"/aws/sagemaker/{uuid.uuid4().hex}"
    logs = Logs(server.data / "logs")
    for stream, first in (("a/0", 1000), ("a/1", 1000), ("b/0", 2000)):
        with logs.path(HERE, name, stream).open("wb") as file:
            file.writelines(logfile.encode(first + 10 * number, f"{stream} line {number}") for number in range(5))
    return name


@pytest.fixture
def logs(server: Any) -> Any:
    return server.client("logs")


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_a_search_is_paged_over_all_streams_and_every_event_has_an_id_of_its_own(logs: Any, group: str) -> None:
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 4}))
    events = [event for page in pages for event in page["events"]]
    assert [len(page["events"]) for page in pages] == [4, 4, 4, 3]
    assert [(event["timestamp"], event["logStreamName"]) for event in events] == sorted(
        (first + 10 * number, name)
        for name, first in (("a/0", 1000), ("a/1", 1000), ("b/0", 2000))
        for number in range(5)
    )
    assert len({event["eventId"] for event in events}) == 15
    assert logs.filter_log_events(logGroupName=group)["events"] == events


def test_a_search_is_bounded_by_times_that_belong_to_it_and_by_streams(logs: Any, group: str) -> None:
    found = logs.filter_log_events(logGroupName=group, startTime=1010, endTime=1020, logStreamNamePrefix="a/")
    assert [event["message"] for event in found["events"]] == [
        "a/0 line 1",
        "a/1 line 1",
        "a/0 line 2",
        "a/1 line 2",
    ]
    found = logs.filter_log_events(logGroupName=group, logStreamNames=["b/0"], filterPattern="-3", limit=3)
    assert [event["message"] for event in found["events"]] == ["b/0 line 0", "b/0 line 1", "b/0 line 2"]


@pytest.mark.parametrize("token", ["²", "9" * 5000, "1/1/", "1000/3/a/0", "0"])
def test_a_made_up_token_is_refused(logs: Any, group: str, token: str) -> None:
    assert refused(logs.filter_log_events, logGroupName=group, nextToken=token) == "InvalidParameterException"
    assert refused(logs.describe_log_streams, logGroupName=group, nextToken=token) == "InvalidParameterException"


def test_streams_that_are_not_there_or_named_twice_over_are_refused(logs: Any, group: str) -> None:
    names = ["a/0", "absent"]
    both = refused(logs.filter_log_events, logGroupName=group, logStreamNames=["a/0"], logStreamNamePrefix="a")
    assert both == "InvalidParameterException"
    search = logs.filter_log_events
    assert refused(search, logGroupName=group, logStreamNames=names) == "ResourceNotFoundException"
    assert refused(search, logGroupName=group + "x") == "ResourceNotFoundException"


def test_streams_are_listed_up_to_the_limit_in_either_order_without_a_next_page(logs: Any, group: str) -> None:
    def names(**more: Any) -> list[str]:
        answer = logs.describe_log_streams(logGroupName=group, **more)
        assert "nextToken" not in answer
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    assert names() == ["a/0", "a/1", "b/0"]
    assert names(limit=1) == ["a/0"]
    assert names(limit=2, descending=True) == ["b/0", "a/1"]
    assert names(limit=1, orderBy="LastEventTime", descending=True) == ["b/0"]


def test_a_region_that_could_leave_the_data_folder_is_refused(server: Any) -> None:
    for region in ("us-east-x", "xx", "a" * 60):
        assert refused(server.client("logs", region=region).describe_log_groups) == "InvalidSignatureException"
    code = refused(server.client("s3", region="us-east-x").list_buckets)
    assert code == "AuthorizationHeaderMalformed"
