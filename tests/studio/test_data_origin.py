"""What a bucket holds is of one origin with Studio, and can do nothing with that."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.studio.test_data import Expecting, bucket_of

EVIL = """<!doctype html><title>untouched</title><body>evil
<script>
document.title = "ran";
fetch("/_studio/").then((answer) => answer.text()).then((text) => { document.title = "read " + text.length; });
</script>
<img src="x" onerror="document.title = 'ran'">"""

KINDS = {
    "page.html": (EVIL, "text/html"),
    "picture.svg": (
        '<svg xmlns="http://www.w3.org/2000/svg"><text y="20">evil</text>'
        '<script>document.documentElement.setAttribute("ran", "yes")</script></svg>',
        "image/svg+xml",
    ),
    "page.xhtml": (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>untouched</title></head>'
        "<body>evil<script>document.title = 'ran'</script></body></html>",
        "application/xhtml+xml",
    ),
}

ICON = "status of 404"
"""A page that names no icon has the browser ask for `/favicon.ico`."""


def link(server: Any, bucket: str, key: str, **more: str) -> str:
    s3 = server.client("s3")
    return s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key, **more})


@pytest.fixture
def evil(server: Any) -> str:
    s3, name = bucket_of(server, plain=EVIL.encode())
    for key, (content, kind) in KINDS.items():
        s3.put_object(Bucket=name, Key=key, Body=content.encode(), ContentType=kind)
    s3.put_object(Bucket=name, Key="worker.js", Body=b"onfetch = () => {}", ContentType="text/javascript")
    return name


@pytest.mark.parametrize("key", KINDS)
def test_an_object_that_is_opened_runs_nothing(studio: Any, evil: str, key: str) -> None:
    studio.complaints = Expecting("Blocked script execution")
    answer = studio.page.goto(link(studio.server, evil, key))
    assert answer.headers["content-security-policy"] == "sandbox allow-downloads"
    assert answer.headers["x-content-type-options"] == "nosniff"
    studio.page.get_by_text("evil").wait_for()
    assert studio.page.evaluate("document.title") in ("untouched", "")
    assert studio.page.evaluate("document.documentElement.getAttribute('ran')") is None
    assert studio.page.evaluate("self.origin") == "null"


def test_nor_does_one_whose_type_the_link_says(studio: Any, evil: str) -> None:
    studio.complaints = Expecting("Blocked script execution")
    studio.page.goto(link(studio.server, evil, "plain", ResponseContentType="text/html"))
    studio.page.get_by_text("evil").wait_for()
    assert studio.page.title() == "untouched"


def test_nor_does_one_in_a_frame(studio: Any, evil: str) -> None:
    studio.complaints = Expecting("Blocked script execution", ICON)
    for tag, at in (("iframe", "src"), ("object", "data"), ("embed", "src")):
        studio.page.goto(studio.server.url + "/health")
        with studio.page.expect_response("**/page.html?*") as answered:
            studio.page.evaluate(
                "([tag, at, url]) => document.body.append(Object.assign(document.createElement(tag), {[at]: url}))",
                [tag, at, link(studio.server, evil, "page.html")],
            )
        assert answered.value.headers["content-security-policy"] == "sandbox allow-downloads"
        studio.page.wait_for_load_state()
        assert not any(frame.title().startswith(("ran", "read")) for frame in studio.page.frames)


def test_no_service_worker_comes_from_a_bucket(studio: Any, evil: str) -> None:
    studio.complaints = Expecting("403", ICON)
    studio.page.goto(studio.server.url + "/health")
    told = studio.page.evaluate(
        "(url) => navigator.serviceWorker.register(url).then(() => 'installed', (error) => String(error))",
        link(studio.server, evil, "worker.js"),
    )
    assert "403" in told


def test_other_clients_get_what_they_always_got(server: Any, evil: str) -> None:
    with urllib.request.urlopen(link(server, evil, "page.html")) as answer:
        assert answer.headers["content-security-policy"] is None
        assert answer.headers["x-content-type-options"] is None
    found = server.client("s3").get_object(Bucket=evil, Key="page.html")
    assert "content-security-policy" not in found["ResponseMetadata"]["HTTPHeaders"]
