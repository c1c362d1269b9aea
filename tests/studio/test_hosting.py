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
    moved = re.compile(r"^(0\.\d*[1-9]\d*|[1-9][\d.]{0,5})$")  # a rate above 0; moments have more digits
    page.locator("po-pulse td").filter(has_text=moved).first.wait_for(state="attached")
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


def test_traffic_is_shifted_between_two_variants_and_moves_to_another_configuration(
    studio: Any, road: Road, job: str
) -> None:
    name = f"{road.prefix}-two"
    model = road.model("two", road.train_once())
    page = studio.visit(f"/new/endpoint?source_1=model:{model}&source_2=model:{model}")
    page.get_by_label("Name of the endpoint", exact=True).fill(name)
    page.get_by_text("Name of the configuration").click()
    page.get_by_label("Name of the endpoint configuration").fill(name)
    studio.check()
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_url(f"**/endpoints/{name}")
    expect(page.locator("[sse-swap=status]")).to_contain_text("InService", timeout=60_000)
    page.reload()
    slider = page.get_by_label("Share of variant-2")
    slider.focus()
    expect(slider).to_have_value("50")
    page.keyboard.press("Home")
    expect(page.get_by_label("Weight of variant-1")).to_have_value("100")
    page.get_by_role("button", name="Shift").click()
    expect(page.locator("#shift-said")).to_contain_text("Taken on")
    table = page.locator("[sse-swap=variants]")
    expect(table.get_by_role("row", name="variant-1")).to_contain_text("100 %", timeout=60_000)
    expect(page.locator("[sse-swap=status]")).to_contain_text("InService", timeout=60_000)
    for _ in range(3):
        answer = road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"1,2,3,4")
        assert answer["InvokedProductionVariant"] == "variant-1"
    page.get_by_label("Weight of variant-1").fill("0")
    page.get_by_role("button", name="Shift").click()
    expect(page.locator("#shift-said")).to_contain_text("weight above 0")

    config = road.config("two-next", model)
    page.reload()
    page.get_by_text("Update to another configuration").click()
    page.locator("select[name=config]").select_option(config)
    studio.check()
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#update-said")).to_contain_text("On its way")
    expect(table).to_contain_text("AllTraffic", timeout=60_000)
    expect(page.locator("[sse-swap=status]")).to_contain_text("InService", timeout=60_000)

    page.reload()
    page.get_by_text("Scaling", exact=True).click()
    page.get_by_label("Instances, at most").fill("3")
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(page.locator("#moving-said")).to_contain_text("1 to 3 instances")
    studio.check()
    page.get_by_role("button", name="Scale AllTraffic no more").click()
    expect(page.locator("#moving-said")).to_contain_text("keeps the instances")
    road.delete(name)


def test_a_model_and_a_configuration_say_what_uses_them(studio: Any, road: Road, job: str) -> None:
    model = road.model("used", road.train_once())
    config = road.config("used", model)
    page = studio.visit(f"/models/{model}")
    assert page.get_by_role("link", name=job, exact=True).is_visible()
    page.get_by_role("link", name=config).first.click()
    page.wait_for_url(f"**/endpoint-configs/{config}")
    studio.check()
    page.get_by_role("button", name="Create an endpoint").click()
    page.wait_for_url(f"**/endpoints/{config}")
    studio.visit(f"/models/{model}")
    expect(page.locator("main")).to_contain_text("still use")
    assert page.get_by_role("link", name="Deploy").get_attribute("href") == f"{ROOT}/new/endpoint?model={model}"
    page.get_by_role("button", name="Delete the model").click()
    expect(page.get_by_role("dialog")).to_contain_text("It is still used.")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**{ROOT}/models")
    studio.visit(f"/endpoint-configs/{config}")
    expect(page.locator("main")).to_contain_text("(deleted)")
    road.wait_in_service(config)
    road.delete(config)


def test_a_data_set_is_transformed_by_a_form(studio: Any, road: Road, job: str) -> None:
    page = studio.visit(f"/new/transform-job?job={job}")
    name = f"{road.prefix}-batch"
    page.get_by_label("Name of the job").fill(name)
    page.get_by_label("Input", exact=True).fill(f"s3://{road.bucket}/validation/")
    page.get_by_label("Output", exact=True).fill(f"s3://{road.bucket}/answers/")
    page.get_by_label("Put each answer behind its record").check()
    expect(page.locator("po-code pre").first).to_contain_text('"InputFilter": "$[1:]"')
    expect(page.locator("po-code pre").first).to_contain_text('"JoinSource": "Input"')
    studio.check()
    page.get_by_role("button", name="Transform", exact=True).click()
    page.wait_for_url(f"**/transform-jobs/{name}")
    expect(page.locator("[sse-swap=status]")).to_contain_text("Completed", timeout=60_000)
    expect(page.locator("[sse-swap=progress]")).to_contain_text("1 of 1 objects are answered")
    first = road.s3.get_object(Bucket=road.bucket, Key="answers/claims.csv.out")["Body"].read().decode().splitlines()
    assert len(first) == 200
    assert len(first[0].split(",")) == 7
    expect(page.locator("[sse-swap=progress] pre")).to_contain_text(first[0])
    page.reload()
    expect(page.locator("po-log").first).to_contain_text("lines", timeout=60_000)
    studio.check()


def test_a_transform_of_nothing_says_why_and_keeps_what_was_typed(studio: Any, road: Road, job: str) -> None:
    model = road.model("nothing", road.train_once())
    page = studio.visit(f"/new/transform-job?model={model}", check=False)
    name = f"{road.prefix}-nothing"
    page.get_by_label("Name of the job").fill(f"{name}_")
    page.get_by_label("Input", exact=True).fill(f"s3://{road.bucket}/nothing/")
    page.get_by_role("button", name="Transform", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("ValidationException")
    expect(page.get_by_label("Input", exact=True)).to_have_value(f"s3://{road.bucket}/nothing/")
    page.get_by_label("Name of the job").fill(name)
    page.get_by_role("button", name="Transform", exact=True).click()
    page.wait_for_url(f"**/transform-jobs/{name}")
    expect(page.locator("[sse-swap=status]")).to_contain_text("Failed", timeout=60_000)
    expect(page.locator("[sse-swap=status]")).to_contain_text("No S3 objects found")
