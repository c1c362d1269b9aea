"""What jobs printed is found, followed and leads to them; what happened lately says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.clients.road import until, wait_for_job
from tests.clients.scripts import Scripts
from tests.studio.conftest import Studio, Visitor

LOUD = """
    print("the weather is fine")
    print("WARNING: the weather turns")
    raise ValueError("rain at last")
"""


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


def start(scripts: Scripts, name: str, text: str) -> str:
    static = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"{scripts.source(name, {"train.py": text})}"',
    }
    return scripts.start(name, HyperParameters=static)


@pytest.fixture(scope="module")
def loud(scripts: Scripts) -> str:
    job = start(scripts, "loud", LOUD)
    assert wait_for_job(scripts.road.sagemaker, job)["TrainingJobStatus"] == "Failed"
    return job


def test_a_search_finds_lines_marks_them_and_leads_to_the_job(studio: Studio, loud: str) -> None:
    page = studio.visit(f"/logs?name={loud}", check=False)
    page.get_by_text("the weather is fine").wait_for()
    studio.check()
    assert page.locator("tr.warning", has_text="the weather turns").locator(".status").inner_text() == "warning"
    assert page.locator("tr.error", has_text="ValueError: rain").first.locator(".status").inner_text() == "error"
    page.get_by_label("Terms").fill('weather -"is fine"')
    page.get_by_text("the weather is fine").wait_for(state="detached")
    assert "the weather turns" in page.inner_text("#lines")
    assert "q=weather" in page.url
    link = page.locator("#lines tbody a").first
    assert (link.get_attribute("href") or "").startswith(f"/_studio/training-jobs/{loud}?tab=log&at=")
    page.get_by_label("Terms").fill("{ $.level = 1 }")
    page.get_by_role("alert").get_by_text("not served").wait_for()
    studio.check()


def test_pages_go_on_where_the_last_one_ended(visitor: Visitor, scripts: Scripts) -> None:
    job = start(scripts, "many", "for at in range(450):\n    print(f'line {at:04d} of many')\n")
    wait_for_job(scripts.road.sagemaker, job)
    seen: list[str] = []
    address = f"/logs?name={job}&q=%22of+many%22&hours="
    for _ in range(5):
        text = visitor.get(address).text
        seen += [part[5:9] for part in text.split('class="said">')[1:]]
        later = re.search(r'href="/_studio(/logs\?[^"]*)">Later lines', text)
        if later is None:
            break
        address = later[1].replace("&amp;", "&")
    assert seen == [f"{at:04d}" for at in range(450)]


def test_problems_alone_can_be_asked_for(visitor: Visitor, loud: str) -> None:
    text = visitor.get(f"/logs?name={loud}&problems=on&kind=training-jobs", hx_request="true").text
    assert "the weather turns" in text
    assert "rain at last" in text
    assert "the weather is fine" not in text


@pytest.mark.parametrize(
    "asked", ["next=%7B", "next=%5B1%5D", "hours=x", "kind=none", "next=%7B%22%2Fa%22%3A%22x%22%7D"]
)
def test_an_address_that_was_tampered_with_is_no_fault(visitor: Visitor, asked: str) -> None:
    assert visitor.get(f"/logs?{asked}").status == 200


def test_lines_come_as_they_are_printed(studio: Studio, scripts: Scripts) -> None:
    page = studio.visit("/logs/follow", check=False)
    with page.expect_response(lambda answer: "/logs/live" in answer.url):
        page.reload()
    job = start(scripts, "follow", "print('here I am')")
    page.locator("tr", has_text="here I am").filter(has_text=job).wait_for()
    studio.check()


def test_events_tell_what_failed_and_why(studio: Studio, loud: str) -> None:
    cloudwatch = studio.server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="too-wet",
        MetricName="Rain",
        Namespace="Weather",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="too-wet", StateValue="ALARM", StateReason="it rains")
    until(
        lambda: cloudwatch.describe_alarm_history(AlarmName="too-wet", HistoryItemType="StateUpdate")[
            "AlarmHistoryItems"
        ],
        "its history",
    )
    page = studio.visit("/events?failed=on", check=False)
    row = page.locator("tr", has_text=loud)
    row.get_by_text("Failed").wait_for()
    assert "rain at last" in row.inner_text()
    assert row.get_by_role("link").get_attribute("href") == f"/_studio/training-jobs/{loud}"
    assert "ALARM" in page.locator("tr", has_text="too-wet").first.inner_text()
    studio.check()
    page.get_by_label("Failures and alarms only").uncheck()
    page.locator("tr", has_text=loud).filter(has_text="was created").wait_for()
    page.get_by_label("Text").fill("no such thing")
    page.get_by_role("paragraph").filter(has_text="Nothing fits these filters").wait_for()
    cloudwatch.delete_alarms(AlarmNames=["too-wet"])
