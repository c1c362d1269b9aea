"""A browser that is signed in to a server of its own, and complains of what a reader would.

`studio.visit("/training-jobs")` opens a page and has axe-core look at it; what the console says of errors, and what the
page asks of anywhere else, fails the test that saw it. `visitor` is the same without a browser.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

import potager

ROOT = "/_studio"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "POTAGER_TEST_REQUIRE"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; without one the test is skipped, or fails where CI wants one."""
    found = os.environ.get("POTAGER_TEST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        text = "no Chromium: install one (Debian: apt install chromium), or name one in POTAGER_TEST_CHROMIUM"
        if "chromium" in os.environ.get(REQUIRED, ""):
            pytest.fail(text)
        pytest.skip(text)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Chromium without a window. It goes with its module: while Playwright runs, no other test gets an event loop."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)
    with sync_playwright() as running:
        launched = running.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield launched
        launched.close()


class Studio:
    """A signed-in page of a server.

    Attributes
    ----------
    page : Playwright's.
    server : the `potager.Local`.
    complaints : what the console said; checked when the test ends.
    """

    def __init__(self, browser: Any, server: potager.Local, **options: Any) -> None:
        self.server = server
        self.complaints: list[str] = []
        self._browser = browser
        self.page = self._opened(**options)
        sign_in(self.page, server)

    def _opened(self, **options: Any) -> Any:
        context = self._browser.new_context(base_url=self.server.url, reduced_motion="reduce", **options)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._looked)
        return page

    def _looked(self, request: Any) -> None:
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def visit(self, path: str, *, check: bool = True) -> Any:
        """Opens a page by its address below Studio's, and has axe-core look at it; the page."""
        self.page.goto(ROOT + path)
        if check:
            self.check()
        return self.page

    def check(self) -> None:
        """Has axe-core look at the page as it is now."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options=RULES)
        lines = [
            f"{each['id']}: {each['help']}: {node['html'][:200]}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]
        assert not lines, f"{self.page.url}\n" + "\n".join(lines)

    def end(self) -> None:
        """Closes the page; fails for what it complained of."""
        self.page.context.close()
        assert not self.complaints, "\n".join(self.complaints)


def sign_in(page: Any, server: potager.Local) -> None:
    """Signs a page in with the administrator's keys."""
    page.goto(f"{server.url}{ROOT}/sign-in")
    page.get_by_label("Access key", exact=True).fill(server.env["AWS_ACCESS_KEY_ID"])
    page.get_by_label("Secret access key").fill(server.env["AWS_SECRET_ACCESS_KEY"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}{ROOT}/")


@pytest.fixture
def studio(browser: Any, server: potager.Local) -> Iterator[Studio]:
    """A signed-in page of the session's server, which other tests use, too."""
    opened = Studio(browser, server)
    yield opened
    opened.end()


@pytest.fixture
def fresh_studio(browser: Any, fresh_server: potager.Local) -> Iterator[Studio]:
    """A signed-in page of a server that nobody has used."""
    opened = Studio(browser, fresh_server)
    yield opened
    opened.end()


class Answer:
    """What came back: `status`, `headers` (lower case), `text`."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Visitor:
    """A browser of sorts: one cookie, forms with their token, and no more.

    Attributes
    ----------
    cookie : what it was given, "" where it is not signed in.
    token : what its forms carry.
    """

    def __init__(self, server: potager.Local) -> None:
        self.server = server
        self.cookie = ""
        self.token = ""

    def sign_in(self) -> Visitor:
        """Signs in with the administrator's keys."""
        keys = {
            "access_key": self.server.env["AWS_ACCESS_KEY_ID"],
            "secret_key": self.server.env["AWS_SECRET_ACCESS_KEY"],
        }
        answer = self.post("/sign-in", keys)
        assert answer.status == 303, answer.text
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        found = re.search(r'data-form-token="(\w+)"', self.get("/").text)
        assert found
        self.token = found[1]
        return self

    def get(self, path: str, **headers: str) -> Answer:
        """A page, by its address below Studio's; keywords are headers, `hx_request="true"`."""
        return self.send("GET", path, None, headers)

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Answer:
        """Sends a form as a page of ours does."""
        content = urlencode({"form_token": self.token, **(form or {})}, doseq=True)
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return self.send("POST", path, content.encode(), kind | headers)

    def send(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        """Any request."""
        where = urlsplit(self.server.url)
        line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request(method, ROOT + path, content, given | ({"Cookie": self.cookie} if self.cookie else {}))
            answer = line.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            line.close()


@pytest.fixture
def visitor(server: potager.Local) -> Visitor:
    """Somebody who is signed in to the session's server, without a browser."""
    return Visitor(server).sign_in()


@pytest.fixture
def stranger(server: potager.Local) -> Visitor:
    """Somebody who is not."""
    return Visitor(server)
