"""What the settings' page tells, and what it keeps until it is asked."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

import potager
from potager.kernel.settings import Settings
from potager.studio.pages.settings import chosen, room
from tests.studio.conftest import Visitor


def test_the_secret_is_told_to_who_asks_by_a_form_alone(visitor: Visitor) -> None:
    secret, page = visitor.server.env["AWS_SECRET_ACCESS_KEY"], visitor.get("/settings").text
    assert visitor.server.env["AWS_ACCESS_KEY_ID"] in page
    assert visitor.server.url in page
    assert potager.__version__ in page
    assert secret not in html.unescape(page)
    assert visitor.get("/settings/secret").status == 404
    assert visitor.post("/settings/secret", {"form_token": "x"}).status == 403
    assert secret in html.unescape(visitor.post("/settings/secret").text)


def test_what_is_secret_among_the_settings_is_not_told() -> None:
    given = Settings(metrics_token="t" * 20, smtp_password="hidden words", database="postgres://u:pw@h/d")
    told = {each["name"]: each["value"] for each in chosen(given)}
    assert told["metrics_token"] == told["smtp_password"] == told["database"] == "not told here"
    assert told["secret_access_key"] == "not given"
    assert told["tls"] == "no"
    assert told["cpus"] == "auto"
    assert told["port"] == 8484


def test_the_room_of_a_folder_is_that_of_its_disk(tmp_path: Path) -> None:
    found = room(tmp_path)
    assert found.database is None
    assert 0 < found.free <= found.total
    (tmp_path / "potager.db").write_bytes(b"x" * 10)
    assert room(tmp_path).database == 10


def test_doctor_is_asked_once_the_page_is_there(studio: Any) -> None:
    page = studio.visit("/settings", check=False)
    page.get_by_text("open files", exact=True).wait_for()
    studio.check()
    page.get_by_role("button", name="Show the secret").click()
    page.get_by_text("Keep the secret to yourself").wait_for()
    expect(page.locator("#reach pre")).to_contain_text(studio.server.env["AWS_SECRET_ACCESS_KEY"])
