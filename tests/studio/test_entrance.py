"""Who gets in, who does not, and what a forged request does: nothing."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from potager.kernel import clock
from potager.kernel.settings import Keys
from potager.studio import app
from potager.studio.safety import PASSED, below
from potager.studio.signin import SignIn
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
    for path in ("/", "/training-jobs", "/training-jobs/any", "/nonsense", "/sign-in-too", "/sign-in/x"):
        answer = stranger.get(path)
        assert answer.status == 303
        assert answer.headers["location"].partition("?")[0] == f"{ROOT}/sign-in"
    assert stranger.get("/training-jobs", hx_request="true").headers["hx-redirect"] == f"{ROOT}/sign-in"


def test_signing_in_leads_to_the_page_that_was_asked_for(stranger: Visitor) -> None:
    asked = "/training-jobs?status=Failed&name=a%26b"
    form = stranger.get(asked).headers["location"].removeprefix(ROOT)
    assert "next" in form
    found = re.search(r'name="next" value="([^"]+)"', stranger.get(form).text)
    assert found
    keys = {"access_key": stranger.server.env["AWS_ACCESS_KEY_ID"]}
    keys |= {"secret_key": stranger.server.env["AWS_SECRET_ACCESS_KEY"], "next": html.unescape(found[1])}
    assert stranger.post("/sign-in", keys).headers["location"] == ROOT + asked
    shown = f"{stranger.server.url}{ROOT}/logs?q=x"
    back = stranger.get("/live", hx_request="true", hx_current_url=shown).headers["hx-redirect"]
    assert back == f"{ROOT}/sign-in?next=%2F_studio%2Flogs%3Fq%3Dx"
    assert stranger.post("/sign-in", keys | {"next": "//elsewhere.example/"}).headers["location"] == f"{ROOT}/"


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/_studio/",
        "//elsewhere.example/_studio/",
        "/_studio//elsewhere.example",
        "/_studio/../bucket/key",
        "/_studio/%2e%2e/bucket/key",
        "/_studio/..%5cbucket",
        "/\\elsewhere.example",
        "/_studio\\..\\bucket",
        "/_studio/\r\nSet-Cookie: a=b",
        "/_studio/\t/x",
        "/_studiox/",
        "/bucket/key",
        "javascript:alert(1)",
        "/_studio/sign-in?token=x",
        "/_studio/sign-out",
        "",
    ],
)
def test_nothing_leads_elsewhere(address: str) -> None:
    assert below(address) == ""


def test_a_link_that_is_only_looked_at_is_not_used_up(server: Any, stranger: Visitor) -> None:
    there = link(server)
    assert stranger.send("HEAD", there, None, {}).status == 200
    assert stranger.get(there).status == 303


def test_a_link_of_before_a_restart_is_good_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys("key", "secret of it", b"secret")
    before = SignIn(keys)
    monkeypatch.setattr(clock, "now", lambda: 1_000_000.0)
    token = before.link()
    assert SignIn(keys).taken(token)
    monkeypatch.setattr(clock, "now", lambda: 1_000_001.0)
    assert SignIn(keys).taken(token) is None


def test_a_session_does_not_outlive_the_keys_that_it_was_begun_with() -> None:
    keys = Keys("key", "secret of it", b"secret")
    cookie = SignIn(keys).by_key("secret of it", "secret of it")
    assert SignIn(keys).person(cookie)
    for other in (replace(keys, access_key_id="other"), replace(keys, secret_access_key=""), replace(keys, secret=b"")):
        assert SignIn(other).person(cookie) is None


def test_a_socket_is_opened_from_our_own_pages_alone(visitor: Visitor) -> None:
    for origin in ({}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "http://elsewhere.example"}):
        wanted = {"Connection": "Upgrade", "Upgrade": "websocket", **origin}
        assert visitor.send("GET", "/", None, wanted).status == 403


def changing() -> list[tuple[str, str]]:
    """Each route that changes something: method and address, with something in each parameter."""
    found = []
    for module in app.PAGES:
        for route in module.ROUTES:
            for method in sorted((route.methods or set()) - {"GET", "HEAD"}):
                path = re.sub(r"\{[^}]*\}", "x", route.path)
                if path != "/sign-in" and not PASSED.match(ROOT + path):  # tests/studio/test_notebooks.py has those
                    found.append((method, path))
    return found


def test_no_route_changes_anything_for_a_forged_request(visitor: Visitor, stranger: Visitor) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    routes = changing()
    assert ("POST", "/sign-out") in routes
    assert len(routes) > 5
    for method, path in routes:
        token = {"X-Form-Token": visitor.token}
        forged = (
            form | {"Sec-Fetch-Site": "same-origin"},
            form | {"Sec-Fetch-Site": "same-origin", "X-Form-Token": "0" * 64},
            form | {"Sec-Fetch-Site": "same-site"} | token,
            form | {"Sec-Fetch-Site": "cross-site"} | token,
            form | token,
            form | {"Origin": "http://elsewhere.example"} | token,
        )
        for headers in forged:
            assert visitor.send(method, path, b"", headers).status == 403, (method, path, headers)
        unknown = stranger.send(method, path, b"", form | {"Sec-Fetch-Site": "same-origin"} | token)
        assert unknown.headers["location"] == f"{ROOT}/sign-in", (method, path)
    assert visitor.get("/").status == 200


def test_pages_ask_through_operations_alone() -> None:
    folder = Path(app.__file__).parent
    told = [path for path in folder.rglob("*.py") if re.search(r"state\.house|\bHouse\b", path.read_text())]
    # No operation leads to an instance's socket, which `pages/notebooks.py` passes JupyterLab's requests on to.
    assert {path.name for path in told} == {"app.py", "asking.py", "front.py", "notebooks.py"}


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
