"""The search over everything: what it finds, and how a keyboard walks it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from potager.studio.pages.search import name_in
from tests.clients.road import IMAGE, ROLE
from tests.studio.conftest import ROOT, Visitor


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("claims", "claims"),
        ("arn:aws:sagemaker:us-east-1:000000000000:training-job/claims-1", "claims-1"),
        ("s3://claims.raw/train/rows.csv", "claims.raw"),
        ("claims.raw", "claims.raw"),
        ("two words", ""),
        ("'; drop", ""),
        ("", ""),
    ],
)
def test_a_name_is_taken_out_of_what_is_asked(question: str, name: str) -> None:
    assert name_in(question) == name


def test_resources_of_all_kinds_are_found_by_name(visitor: Visitor) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://sought-after-bucket/model.tar.gz"}
    storage = visitor.server.client("s3")
    storage.create_bucket(Bucket="sought-after-bucket")
    storage.put_object(Bucket="sought-after-bucket", Key="model.tar.gz", Body=b"not opened here")
    client = visitor.server.client("sagemaker")
    client.create_model(ModelName="sought-after-model", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    answer = visitor.get("/search?q=sought-after", hx_request="true")
    assert "<html" not in answer.text
    assert f'href="{ROOT}/models/sought-after-model"' in answer.text
    assert "sought-after-bucket" in answer.text
    assert "<html" in visitor.get("/search?q=sought-after").text
    assert "Training jobs" in visitor.get("/search?q=JOBS+train").text
    assert "Nothing is called like" in visitor.get("/search?q=%3Cb%3Enone").text
    assert "<b>none" not in visitor.get("/search?q=%3Cb%3Enone").text


def test_a_keyboard_opens_the_search_and_goes_where_it_leads(studio: Any) -> None:
    page = studio.visit("/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search")
    expect(field).to_be_focused()
    options = page.get_by_role("option")
    options.first.wait_for()
    studio.check()
    page.keyboard.type("models")
    expect(options.filter(has_text="Training jobs")).to_have_count(0)
    expect(options.filter(has_text="Models").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("jobs")
    options.filter(has_text="Training jobs").first.wait_for()
    expect(options.filter(has_text="Models")).to_have_count(0)
    before = options.locator("xpath=self::*[@aria-selected='true']").get_attribute("href")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.get_attribute("href") != before
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    there = chosen.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{there}")


def test_the_navigation_is_a_sheet_on_a_narrow_screen(studio: Any) -> None:
    page = studio.page
    page.set_viewport_size({"width": 360, "height": 740})
    studio.visit("/training-jobs")
    ways = page.get_by_role("navigation", name="Studio")
    expect(ways).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(ways.get_by_role("link", name="Training jobs")).to_have_attribute("aria-current", "page")
    studio.check()
    page.keyboard.press("Escape")
    expect(ways).to_have_count(0)
    page.get_by_role("button", name="Menu").click()
    ways.get_by_role("link", name="Models").click()
    page.wait_for_url("**/models")


def test_the_content_can_be_skipped_to(studio: Any) -> None:
    page = studio.visit("/training-jobs")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
