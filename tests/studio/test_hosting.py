"""Deploying by a form, an endpoint's page, and asking it, in a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clients.road import Road
from tests.studio.conftest import ROOT


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    """A bucket, and a job that completed."""
    made = Road(server)
    made.train_once()
    return made


@pytest.fixture
def job(road: Road) -> str:
    return road.train_once()["TrainingJobName"]


def test_a_training_job_is_deployed_asked_and_deleted_by_forms(studio: Any, road: Road, job: str) -> None:
    page = studio.visit(f"/new/endpoint?job={job}")
    name = f"{road.prefix}-by-form"
    expect(page.get_by_label("What answers", exact=True)).to_have_value(f"job:{job}")
    page.get_by_label("Name of the endpoint", exact=True).fill(name)
    expect(page.locator("po-code pre").first).to_contain_text(f'EndpointName="{name}"')
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_url(f"**/endpoints/{name}")
    status = page.locator("[sse-swap=status]")
    expect(status).to_contain_text("InService", timeout=60_000)
    studio.check()
    expect(page.locator("[sse-swap=variants]")).to_contain_text("variant-1")

    first = page.locator("[data-column]").first
    first.fill("3.5")
    expect(page.locator("#try-body")).to_have_value(re.compile(r"^3\.5,[^\n]+$"))
    page.get_by_role("button", name="Ask", exact=True).click()
    answer = page.locator("#answer")
    expect(answer).to_contain_text("predicted_label")
    expect(answer).to_contain_text("answered by variant-1")
    answer.get_by_text("The same as a program").click()
    expect(answer).to_contain_text("invoke-endpoint")
    studio.check()
    page.locator("#try-body").fill("a,b,c,d")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(answer).to_contain_text("ModelError")

    page.get_by_label("Its configuration as well").check()
    page.get_by_label("Its models as well").check()
    page.get_by_role("button", name="Delete the endpoint").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**{ROOT}/endpoints")
    road.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200}
    )
    assert not road.sagemaker.list_models(NameContains=job)["Models"]


def test_nothing_to_deploy_says_what_to_do(fresh_studio: Any) -> None:
    page = fresh_studio.visit("/new/endpoint")
    assert page.get_by_role("link", name="Start a training job").is_visible()
    fresh_studio.visit("/endpoints")
    assert fresh_studio.page.get_by_role("link", name="Deploy a model").is_visible()
