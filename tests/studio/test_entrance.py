"""Who gets in, who does not, and what a forged request does: nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.studio.conftest import ROOT, Visitor


def link(server: Any) -> str:
    """A link of `potager studio`, below Studio's address."""
    command = [sys.executable, "-m", "potager", "studio", "--data", str(server.data)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told.startswith(server.url + ROOT)
    return told.removeprefix(server.url + ROOT)


def test_a_link_signs_in_once(server: Any, stranger: Visitor) -> None:
    there = link(server)
    first = stranger.get(there)
    assert (first.status, first.headers["location"]) == (303, f"{ROOT}/")
    said = first.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert f"path={ROOT}" in said
    assert stranger.get(there).status == 403
    stranger.cookie = first.headers["set-cookie"].partition(";")[0]
    assert stranger.get("/").status == 200


def test_who_is_not_signed_in_sees_nothing(stranger: Visitor) -> None:
    for path in ("/", "/training-jobs", "/training-jobs/any", "/nonsense"):
        answer = stranger.get(path)
        assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}/sign-in")
    assert stranger.get("/training-jobs", hx_request="true").headers["hx-redirect"] == f"{ROOT}/sign-in"


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "e30=.0", "potager-studio", "eyJhIjogMX0=.abc"])
def test_a_forged_cookie_is_none(stranger: Visitor, cookie: str) -> None:
    stranger.cookie = f"potager-studio={cookie}"
    assert stranger.get("/").status == 303


def test_a_wrong_secret_does_not_sign_in(server: Any, stranger: Visitor) -> None:
    keys = {"access_key": server.env["AWS_ACCESS_KEY_ID"], "secret_key": "x"}
    assert stranger.post("/sign-in", keys).status == 403
    assert stranger.post("/sign-in", {"access_key": "x", "secret_key": ""}).status == 403


def test_a_form_of_another_site_does_nothing(visitor: Visitor) -> None:
    for said in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}):
        assert visitor.post("/sign-out", **said).status == 403
    plain = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://elsewhere.example"}
    assert visitor.send("POST", "/sign-out", b"form_token=" + visitor.token.encode(), plain).status == 403
    assert visitor.get("/").status == 200


def test_a_form_without_the_session_s_token_does_nothing(visitor: Visitor) -> None:
    for token in ("", "x", "é"):
        assert visitor.post("/sign-out", {"form_token": token}).status == 403
    upload = {"Content-Type": "multipart/form-data; boundary=x", "Sec-Fetch-Site": "same-origin"}
    field = f'--x\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{visitor.token}\r\n--x--\r\n'
    assert visitor.send("POST", "/sign-out", field.encode(), upload).status == 403
    assert visitor.get("/").status == 200


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    assert visitor.post("/sign-out").status == 303
    assert visitor.get("/").status == 303


def test_pages_say_what_a_browser_may_do_with_them(visitor: Visitor) -> None:
    answer = visitor.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"script-src {visitor.server.url}{ROOT}/static/;" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_nothing_outside_the_static_folder_is_served(stranger: Visitor) -> None:
    assert stranger.get("/static/studio.css").status == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2fsignin.py"):
        assert stranger.get(path).status in (303, 404)
