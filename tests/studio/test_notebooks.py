"""Notebooks: JupyterLab behind Studio's sign-in."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients.road import ROLE
from tests.needs import needed
from tests.studio import lab

needed("notebooks", "jupyterlab", "ipykernel")

LAB = "/notebooks/default/jupyter/"
CELL = 'import boto3\nprint("account", boto3.client("sts").get_caller_identity()["Account"])'


@pytest.fixture(scope="module")
def instance(server: Any) -> Iterator[None]:
    """The default instance, in service."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_notebook_instance(NotebookInstanceName="default", InstanceType="ml.t3.medium", RoleArn=ROLE)
    sagemaker.get_waiter("notebook_instance_in_service").wait(NotebookInstanceName="default")
    yield
    sagemaker.stop_notebook_instance(NotebookInstanceName="default")
    sagemaker.get_waiter("notebook_instance_stopped").wait(NotebookInstanceName="default")
    sagemaker.delete_notebook_instance(NotebookInstanceName="default")
    sagemaker.get_waiter("notebook_instance_deleted").wait(NotebookInstanceName="default")


def test_a_notebook_is_opened_and_a_cell_asks_the_server_who_it_is(fresh_studio: Any) -> None:
    page = fresh_studio.visit("/notebooks")
    said: list[str] = []
    page.context.on(
        "page", lambda tab: tab.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    )
    tab = lab.opened(page)
    fresh_studio.check()
    lab.run(tab, 0, CELL).first.get_by_text("account 000000000000").wait_for()
    assert not [one for one in said if "Content Security Policy" in one], said
    attack(tab, said)
    tab.close()
    lab.stop(page)
    fresh_studio.check()


ATTACKS = """
from pathlib import Path
from IPython.display import HTML, Javascript, Markdown, display
Path("evil.js").write_text("document.title = 'script'")
Path("evil.html").write_text("<b>page</b><script>document.title = 'page'</script><script src=evil.js></script>")
display(Javascript("document.title = 'javascript'"))
display(HTML("<img src=x onerror=\\"document.title='image'\\"><script>document.title = 'inline'</script>"))
for where in ("files/evil.js", "static/lab/../../files/evil.js", "static/lab/..%2f..%2ffiles/evil.js"):
    display(HTML(f"<script src='/_studio/notebooks/default/jupyter/{where}'></script>"))
    display(HTML(f"<iframe srcdoc=\\"<script src='/_studio/notebooks/default/jupyter/{where}'></script>\\"></iframe>"))
display(HTML("<iframe srcdoc=\\"<script>parent.document.title = 'frame'</script>\\"></iframe>"))
display(Markdown("[link](javascript:document.title='link')"))
display(HTML("<a href=\\"javascript:document.title='link'\\">html</a><b>shown</b>"))
"""


def attack(tab: Any, said: list[str]) -> None:
    """What a notebook's output brings of scripts does not run, and a page among its files neither."""
    output = lab.run(tab, 1, ATTACKS)
    output.locator("b").get_by_text("shown").wait_for()
    output.locator("a").get_by_text("html", exact=True).click()
    document = tab.context.new_page()
    document.goto(tab.url.partition("/lab")[0] + "/files/evil.html", referer=tab.url)
    document.locator("b").get_by_text("page").wait_for()
    assert document.title() == ""
    assert document.evaluate("window.origin") == "null"
    document.close()
    refused = "\n".join(said)
    assert "event handler" in refused
    assert "evil.js" in refused
    assert tab.title() not in ("javascript", "image", "inline", "script", "frame", "link", "page")


def shaken(server: Any, path: str, cookie: str, origin: str) -> tuple[socket.socket, bytes]:
    """A web socket's handshake, and the head of what is said to it."""
    where = urlsplit(server.url)
    line = socket.create_connection((where.hostname or "", where.port or 0), 60)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET /_studio{path} HTTP/1.1", f"Host: {where.netloc}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += [f"Origin: {origin}"] if origin else []
    lines += [f"Cookie: {cookie}"] if cookie else []
    line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    said = b""
    while b"\r\n\r\n" not in said:
        data = line.recv(2**16)
        assert data, said
        said += data
    return line, said


EVENTS = f"{LAB}api/events/subscribe"


@pytest.mark.usefixtures("instance")
def test_a_web_socket_is_for_who_is_signed_in_and_comes_from_here(server: Any, visitor: Any) -> None:
    line, said = shaken(server, EVENTS, visitor.cookie, server.url)
    assert said.startswith(b"HTTP/1.1 101 "), said
    line.close()
    for origin in ("https://evil.example", "", server.url.replace("http://", "https://"), "null"):
        line, said = shaken(server, EVENTS, visitor.cookie, origin)
        assert said.startswith(b"HTTP/1.1 403 "), (origin, said)
        line.close()
    line, said = shaken(server, EVENTS, "", server.url)
    assert said.startswith(b"HTTP/1.1 303 "), said
    line.close()


@pytest.mark.usefixtures("instance")
def test_a_web_socket_ends_when_its_person_signs_out(server: Any, stranger: Any) -> None:
    stranger.sign_in()
    line, said = shaken(server, EVENTS, stranger.cookie, server.url)
    assert said.startswith(b"HTTP/1.1 101 ")
    assert stranger.post("/sign-out").status == 303
    while line.recv(2**16):
        pass
    line.close()


@pytest.mark.usefixtures("instance")
def test_who_is_not_signed_in_reaches_nothing_of_it(stranger: Any) -> None:
    for path in ("api", "lab", "api/contents", "static/lab/main.js"):
        answer = stranger.get(LAB + path)
        assert answer.status == 303, path
        assert answer.headers["location"].startswith("/_studio/sign-in")
    assert stranger.post(f"{LAB}api/sessions", {}).status in (303, 403)


@pytest.mark.usefixtures("instance")
def test_what_is_sent_from_another_site_is_refused(visitor: Any) -> None:
    for more in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert visitor.post(f"{LAB}api/kernels", **more).status == 403
    # From here, JupyterLab itself asks for a token of its own.
    answer = visitor.post(f"{LAB}api/kernels")
    assert answer.status == 403
    assert "_xsrf" in answer.text


@pytest.mark.usefixtures("instance")
def test_its_pages_have_a_policy_and_its_cookies_a_path_of_their_own(visitor: Any) -> None:
    answer = visitor.get(f"{LAB}lab")
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "'unsafe-inline'" not in scripts
    assert "'sha256-" in scripts
    assert "default-src 'none'" in policy
    assert "https:" not in policy
    assert f"Path=/_studio{LAB}" in answer.headers["set-cookie"]
    assert "potager-studio" not in answer.headers["set-cookie"]
    assert visitor.get(f"{LAB}api/contents/none").status == 404


@pytest.mark.usefixtures("instance")
def test_files_go_up_and_come_down_as_they_are(visitor: Any) -> None:
    visitor.get(f"{LAB}lab")
    told = visitor.get(f"{LAB}lab").headers["set-cookie"]
    token = told.split("_xsrf=")[1].split(";")[0]
    visitor.cookie += f"; _xsrf={token}"
    content = base64.b64encode(bytes(range(256)) * 8000).decode()
    body = json.dumps({"type": "file", "format": "base64", "content": content}).encode()
    kind = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "X-XSRFToken": token}
    assert visitor.send("PUT", f"{LAB}api/contents/bytes.bin", body, kind).status == 201
    came = visitor.get(f"{LAB}files/bytes.bin", referer=f"{visitor.server.url}/_studio{LAB}lab")
    assert came.content == bytes(range(256)) * 8000


def test_an_instance_that_does_not_run_is_said_to(visitor: Any) -> None:
    answer = visitor.get("/notebooks/absent/jupyter/lab", accept="text/html")
    assert answer.status == 503
    assert "does not exist" in answer.text
    assert visitor.get("/notebooks/absent/jupyter/api").status == 503


def test_what_cannot_be_changed_says_why(visitor: Any) -> None:
    answer = visitor.post("/notebooks", {"name": "absent", "action": "stop"})
    assert answer.status == 400
    assert "RecordNotFound" in answer.text
    assert visitor.post("/notebooks", {"action": "explode"}).status == 400
