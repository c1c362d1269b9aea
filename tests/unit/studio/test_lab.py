"""JupyterLab's page and scripts are the installation's, whatever an instance says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from potager.studio import lab
from potager.studio.passing import passed
from tests.needs import needed
from tests.unit.studio.test_passing import BELOW, answering, content, request

needed("notebooks", "jupyterlab")


def said(told: Any, more: str = "") -> bytes:
    data = json.dumps(told).replace("<", r"\u003c")
    text = f'<script id="jupyter-config-data" type="application/json">{data}</script>{more}'
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: _xsrf=a\r\nContent-Length: {len(text)}\r\n"
    return f"{head}Clear-Site-Data: *\r\n\r\n{text}".encode()


async def test_what_an_instance_serves_as_its_page_goes_in_as_data_alone() -> None:
    told = {
        "appVersion": "</script><script>alert(1)</script>",
        "baseUrl": "/_studio/",
        "fullStaticUrl": "https://evil.example",
        "disabledExtensions": ["theirs"],
        "federated_extensions": [{"name": "../../x", "load": "evil.js"}, {"name": "absent", "load": "a.js"}, 3],
    }
    async with answering(said(told, "<script>alert(2)</script>")) as (streams, _):
        answer = await passed(request("lab"), streams, BELOW, lambda: True)
    text = (await content(answer)).decode()
    assert "alert(2)" not in text
    assert "<script>alert(1)" not in text
    assert "evil" not in text
    assert f'"baseUrl": "{BELOW}"' in text
    assert f'src="{BELOW}static/lab/main.' in text
    assert "@jupyterlab/javascript-extension" in text
    headers = dict(answer.raw_headers)
    assert b"clear-site-data" not in headers
    assert headers[b"set-cookie"].startswith(b"_xsrf=a; Path=" + BELOW.encode())
    policy = headers[b"content-security-policy"].decode()
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert f"http://here:1{BELOW}static/lab/" in scripts
    assert "'self'" not in scripts
    assert "'unsafe-inline'" not in scripts


@pytest.mark.parametrize("text", ["", "<b>no page</b>"])
async def test_what_is_no_page_of_jupyterlab_is_a_bad_gateway(text: str) -> None:
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(text)}\r\n\r\n"
    async with answering((head + text).encode()) as (streams, _):
        answer = await passed(request("lab/tree/a"), streams, BELOW, lambda: True)
    assert answer.status_code == 502


@pytest.mark.parametrize("path", ["labs", "files/a.html", "static/other.html", "login"])
async def test_other_pages_run_no_scripts(path: str) -> None:
    async with answering(said({}, "<script>alert(2)</script>")) as (streams, _):
        answer = await passed(request(path), streams, BELOW, lambda: True)
    policy = dict(answer.raw_headers)[b"content-security-policy"]
    assert b"script-src" not in policy
    assert policy.endswith(b"; sandbox")


def test_scripts_are_the_installations_and_nothing_outside_of_them() -> None:
    def status(path: str, method: str = "GET") -> int | None:
        found = lab.file(request(path, method), path, BELOW)
        return found.status_code if found else None

    assert status("static/lab/index.html") == 200
    assert status("static/lab/../../../../../etc/passwd") == 404
    assert status("static/lab/../../files/evil.js") == 404
    assert status("static/lab//etc/passwd") == 404
    assert status("static/lab/\0") == 404
    assert status("static/lab/") == 404
    assert status("static/lab/index.html", "POST") == 404
    assert status("lab/extensions/absent/a.js") == 404
    assert status("files/evil.js") is None
    assert status("lab") is None
