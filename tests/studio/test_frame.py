"""What all pages have in common, in a browser."""

from __future__ import annotations

from typing import Any

from tests.studio.conftest import Visitor


def test_an_empty_installation_teaches(fresh_studio: Any) -> None:
    page = fresh_studio.visit("/")
    assert page.get_by_role("heading", name="Nothing has been made yet").is_visible()
    page.get_by_role("navigation", name="Studio").get_by_role("link", name="Training jobs").click()
    page.wait_for_url("**/training-jobs")
    fresh_studio.check()
    assert "There are none yet" in page.inner_text("#rows")


def test_what_is_not_there_is_said_with_aws_s_code(visitor: Visitor) -> None:
    absent = visitor.get("/training-jobs/none-of-that-name")
    assert absent.status in (400, 404)
    assert "none-of-that-name" in absent.text
    assert visitor.get("/nonsense").status == 404
    assert visitor.get("/nonsense/there").status == 404
    fragment = visitor.get("/training-jobs/none-of-that-name", hx_request="true")
    assert "<html" not in fragment.text
    assert fragment.headers["hx-retarget"] == "#problems"
