"""A job that printed a hundred thousand lines, ten thousand values of a metric among them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clients.scripts import Scripts
from tests.studio.conftest import Visitor

LONG = """
    import math
    for number in range(100_000):
        if number % 10:
            print(f"line {number} of many, as long as lines of logs are")
        else:
            peak = 5.0 if number == 44_440 else 0.0
            print(f"loss={math.exp(-number / 20_000) + peak:.5f}")
"""
LOSS = {"MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}]}


@pytest.fixture(scope="module")
def job(server: Any) -> str:
    found = Scripts(server).script("long", {"train.py": LONG}, algorithm=LOSS)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    return found["TrainingJobName"]


def test_curves_are_thinned_without_losing_a_peak(visitor: Visitor, job: str) -> None:
    data = visitor.get(f"/training-jobs/{job}/curves.json?metric=loss").json
    (series,) = data["series"]
    assert len(series["points"]) <= 1000
    assert [series["points"][0][0], series["points"][-1][0]] == [0, 9_999]
    assert max(series["points"], key=lambda point: point[1])[0] == 4_444


def test_a_log_is_read_from_its_end_and_back(studio: Any, job: str) -> None:
    page = studio.visit(f"/training-jobs/{job}?tab=log", check=False)
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("line 99999 of many")
    assert page.locator("po-log p[data-level], po-log .lines p").count() <= 1000
    page.get_by_role("button", name="Load earlier lines").click()
    expect(log).to_contain_text("line 98001 of many")
    page.get_by_label("Search the log").fill("line 12345 of")
    page.get_by_label("Search the log").press("Enter")
    expect(log.locator("p")).to_have_count(1)


def test_the_whole_log_comes_as_a_file(visitor: Visitor, job: str) -> None:
    text = visitor.get(f"/training-jobs/{job}/log.txt").text
    assert text.count("\n") >= 100_000
