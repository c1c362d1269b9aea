"""Buckets and objects in the browser: made, listed, filtered, deleted."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.studio.conftest import ROOT, Visitor

KEYS = [
    "a//b",
    ".",
    "..",
    "../up",
    "a/./b/../c",
    "per%cent%2F",
    "question?mark#hash&and=equals",
    "plus+plus and space ",
    "\"quotes'<script>alert(1)</script>",
    "line\r\nend",
    "tab\tand\x01control",
    "ünïcødé-日本-🌱",
    "\u202eleft",
    "\ufffe",
    "x" * 1024,
    "é" * 512,
    "/",
    "//",
]
"""Legal keys that break what is careless."""


def bucket_of(server: Any, **objects: bytes) -> tuple[Any, str]:
    """A client and a fresh bucket with these objects."""
    s3, name = server.client("s3"), f"b-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    for key, content in objects.items():
        s3.put_object(Bucket=name, Key=key, Body=content)
    return s3, name


class Expecting(list[str]):
    """Complaints of a browser, without those that a test is about: they come whenever they come."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self._texts = texts

    def append(self, said: str, /) -> None:
        if not any(text in said for text in self._texts):
            super().append(said)


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_bucket_is_made_and_ends(studio: Any) -> None:
    name = f"b-{uuid4().hex[:12]}"
    page = studio.visit("/new/bucket")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Encryption of new objects").select_option("AES256")
    page.get_by_label("Keep versions").check()
    page.get_by_role("button", name="Create bucket").click()
    page.get_by_role("heading", name="Nothing in here yet").wait_for()
    studio.check()
    s3 = studio.server.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    page.get_by_role("navigation", name="Studio").get_by_role("link", name="Data").click()
    page.get_by_role("link", name=name).click()
    page.locator("#main").get_by_role("link", name="Settings").click()
    page.get_by_role("heading", name="Settings of").wait_for()
    studio.check()
    page.get_by_role("button", name="Keep no more versions").click()
    page.get_by_text("No new versions are kept").wait_for()
    page.get_by_role("button", name="Delete bucket").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert s3.head_bucket(Bucket=name)
    page.get_by_role("button", name="Delete bucket").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**{ROOT}/data")
    assert name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_a_wrong_name_is_told_and_what_was_typed_stays(visitor: Visitor) -> None:
    for name in ("", "No", "a..b", "192.168.1.1", "xn--a", "x" * 64):
        answer = visitor.post("/new/bucket", {"name": name, "region": "eu-west-1", "encryption": "AES256"})
        assert answer.status == 400
        assert 'role="alert"' in answer.text
        assert f'value="{name}"' in answer.text
        assert "<option selected>eu-west-1" in answer.text


def test_a_bucket_that_is_there_is_not_made_again(visitor: Visitor) -> None:
    _, name = bucket_of(visitor.server)
    answer = visitor.post("/new/bucket", {"name": name, "region": "us-east-1", "encryption": "none"})
    assert answer.status == 400
    assert "is there already" in answer.text


def test_a_bucket_with_something_in_it_stays(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server, a=b"1")
    answer = visitor.post(f"/data/{name}/end")
    assert answer.status == 409
    assert "Delete its objects" in answer.text
    assert keys(s3, name) == ["a"]


def test_keys_are_walked_as_folders(studio: Any) -> None:
    _, name = bucket_of(studio.server, **{"2024/jan/1.csv": b"1", "2024/feb/1.csv": b"22", "readme.txt": b"x" * 1500})
    page = studio.visit(f"/data/{name}")
    assert page.get_by_role("link", name="readme.txt").is_visible()
    assert "1.5 KB" in page.inner_text("#rows")
    page.get_by_role("link", name="2024/").click()
    page.get_by_role("link", name="jan/").wait_for()
    page.get_by_label("Name begins with").press_sequentially("f")
    page.get_by_role("link", name="jan/").wait_for(state="detached")
    page.get_by_role("link", name="feb/").click()
    page.get_by_role("link", name="1.csv").wait_for()
    studio.check()
    page.get_by_label("Where this is").get_by_role("link", name="2024").click()
    page.get_by_role("link", name="jan/").wait_for()


def test_several_are_deleted_after_a_question(studio: Any) -> None:
    s3, name = bucket_of(studio.server, **{"a": b"1", "b": b"1", "c": b"1", "f/1": b"1", "f/g/2": b"1"})
    page = studio.visit(f"/data/{name}")
    assert page.get_by_role("button", name="Delete").is_disabled()
    page.get_by_label("Select a", exact=True).check()
    page.get_by_label("Select folder f/").check()
    page.get_by_role("button", name="Delete 2 selected").click()
    dialog = page.get_by_role("dialog")
    assert "Delete 1 object, and all that is in 1 folder? This cannot be undone." in dialog.inner_text()
    studio.check()
    dialog.get_by_role("button", name="Cancel").click()
    assert len(keys(s3, name)) == 5
    page.get_by_role("button", name="Delete 2 selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_label("Select a", exact=True).wait_for(state="detached")
    assert keys(s3, name) == ["b", "c"]
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Delete 2 selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Nothing in here yet").wait_for()


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_listed_fetched_and_deleted(visitor: Visitor, key: str) -> None:
    s3, name = bucket_of(visitor.server)
    visited = Visitor.get
    s3.put_object(Bucket=name, Key=key, Body=b"content")
    at, seen = f"/data/{name}", 0
    while not (found := re.search(r'name="key" value="([^"]*)"', text := visited(visitor, at).text)):
        folder = re.search(r'name="folder" value="([^"]*)"', text)
        assert folder, text
        at, seen = f"/data/{name}?prefix={folder[1]}", seen + 1
    assert found[1] == quote(key, safe="/").replace("'", "&#39;")
    assert "<script>alert" not in text
    content = visitor.get(f"/data/{name}/download?key={found[1]}")
    assert (content.status, content.content) == (200, b"content")
    assert content.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert visitor.post(f"/data/{name}/remove", {"key": found[1]}).status == 303
    assert keys(s3, name) == []


def test_a_forged_deletion_does_nothing(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server, a=b"1")
    assert visitor.post(f"/data/{name}/remove", {"key": "a", "form_token": "x"}).status == 403
    assert visitor.post(f"/data/{name}/remove", {"key": "a"}, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert keys(s3, name) == ["a"]


def test_what_is_fetched_never_runs(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server)
    s3.put_object(Bucket=name, Key="page.html", Body=b"<script>alert(1)</script>", ContentType="text/html")
    answer = visitor.get(f"/data/{name}/download?key=page.html")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_ranges_are_fetched(visitor: Visitor) -> None:
    _, name = bucket_of(visitor.server, a=b"0123456789")
    at = f"/data/{name}/download?key=a"
    part = visitor.get(at, Range="bytes=2-4")
    assert (part.status, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    whole = visitor.get(at, Range="bytes=2-4", If_Range='"another"')
    assert (whole.status, whole.content) == (200, b"0123456789")
    assert visitor.get(at, Range="bytes=2-4", If_Range=whole.headers["etag"]).content == b"234"
    assert visitor.get(at, Range="bytes=20-").status == 416
    assert visitor.get(f"/data/{name}/download?key=b").status == 404
    assert visitor.get(f"/data/{name}/download").status == 400


def test_many_keys_come_in_pages(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server)
    for number in range(250):
        s3.put_object(Bucket=name, Key=f"{number:05}", Body=b"")
    first = visitor.get(f"/data/{name}").text
    assert first.count('name="key"') == 100
    following = re.search(r'href="[^"]*(/data/[^"]*next=[^"]*)"', first)
    assert following
    second = visitor.get(following[1].replace("&amp;", "&")).text
    assert 'value="00100"' in second
    assert "First page" in second


def test_a_mounted_bucket_says_from_where(visitor: Visitor, tmp_path: Any) -> None:
    from click.testing import CliRunner

    from potager.cli.main import main

    (tmp_path / "a.csv").write_text("1,2\n")
    name, data = f"m-{uuid4().hex[:12]}", str(visitor.server.data)
    assert CliRunner().invoke(main, ["mount", name, str(tmp_path), "--data", data]).exit_code == 0
    try:
        assert f"mounted from {tmp_path}" in visitor.get(f"/data/{name}").text
        assert f"from {tmp_path}" in visitor.get(f"/data/{name}/settings").text
        assert visitor.get(f"/data/{name}/download?key=a.csv").text == "1,2\n"
        assert "About it" in visitor.get(f"/data/{name}/object?key=a.csv").text
        assert "It has no header" in visitor.get(f"/data/{name}/preview?key=a.csv").text
    finally:
        assert CliRunner().invoke(main, ["unmount", name, "--data", data]).exit_code == 0
