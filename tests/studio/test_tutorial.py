"""From an empty installation to a deployed model that answers, with one click and no documentation."""

from __future__ import annotations

import runpy
import sys
from typing import Any

import pytest
from playwright.sync_api import expect

from potager.kernel import examples
from potager.studio import tutorial
from potager.studio.tutorial import Seen, due, numbered
from tests.studio.conftest import Visitor

DONE = {"ProcessingJobStatus": "Completed"}
TRAINED = {"TrainingJobStatus": "Completed", "SecondaryStatus": "Completed"}


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (Seen(), "collect"),
        (Seen(True), "prepare"),
        (Seen(True, {"ProcessingJobStatus": "InProgress"}), ""),
        (Seen(True, {"ProcessingJobStatus": "Failed"}), ""),
        (Seen(True, DONE), "train"),
        (Seen(True, DONE, {"TrainingJobStatus": "InProgress"}), ""),
        (Seen(True, DONE, TRAINED), "deploy"),
        (Seen(True, DONE, TRAINED, {"EndpointStatus": "Creating"}), ""),
        (Seen(True, DONE, TRAINED, {"EndpointStatus": "InService"}), ""),
    ],
)
def test_what_is_there_says_what_is_due(seen: Seen, step: str) -> None:
    assert due(seen) == step


def test_a_walk_that_failed_says_why() -> None:
    assert Seen(True, {"ProcessingJobStatus": "Failed", "FailureReason": "No rows."}).failure == "No rows."
    assert Seen(True, {"ProcessingJobStatus": "Stopped"}).failure
    assert not Seen(True, DONE, TRAINED, {"EndpointStatus": "InService"}).failure


def test_walks_are_known_by_their_names() -> None:
    names = ["fraud-tutorial", "fraud-tutorial-3", "my-fraud-tutorial", "fraud-tutorial-x", "other"]
    assert numbered(names) == {1: "fraud-tutorial", 3: "fraud-tutorial-3"}


def test_the_hyperparameters_are_those_of_the_road(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = examples.folder("fraud")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    before = set(sys.modules)
    found = runpy.run_path(str(folder / "train.py"))
    for name in set(sys.modules) - before:
        del sys.modules[name]
    assert found["hyperparameters"](700, 0.25) == tutorial.HYPERPARAMETERS


def test_a_walk_of_another_name_is_refused(visitor: Visitor) -> None:
    for walk in ("", "other", "fraud-tutorial/../x", "fraud-tutorial-"):
        assert visitor.post("/tutorial", {"walk": walk}).status == 400


def test_one_click_leads_from_nothing_to_a_model_that_answers(fresh_studio: Any) -> None:
    page = fresh_studio.visit("/")
    page.get_by_role("button", name="Start the fraud tutorial").click()
    page.wait_for_url("**/tutorial")
    page.get_by_role("link", name="The processing job fraud-tutorial").wait_for()
    page.reload()
    ask = page.get_by_role("button", name="Ask about five claims")
    ask.wait_for()
    fresh_studio.check()
    ask.click()
    expect(page.get_by_role("region", name="Answers").locator("tbody tr")).to_have_count(5)
    fresh_studio.check()
    page.get_by_role("link", name="The training job fraud-tutorial").click()
    page.wait_for_url("**/training-jobs/fraud-tutorial")
    page = fresh_studio.visit("/")
    expect(page.get_by_role("link", name="fraud-tutorial", exact=True)).to_have_count(1)
    client = fresh_studio.server.client("sagemaker")
    client.delete_endpoint(EndpointName="fraud-tutorial")
    client.get_waiter("endpoint_deleted").wait(EndpointName="fraud-tutorial", WaiterConfig={"Delay": 1})
    page = fresh_studio.visit("/tutorial")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Ask about five claims").wait_for()
