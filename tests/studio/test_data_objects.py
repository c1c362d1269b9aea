"""One object: what is known of it, its versions, a link to share it."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.studio.conftest import Visitor
from tests.studio.test_data import KEYS, bucket_of, keys


def versioned(server: Any, *contents: bytes) -> tuple[Any, str]:
    """A bucket that keeps versions, with these of the object `a.txt`."""
    s3, name = bucket_of(server)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for content in contents:
        s3.put_object(Bucket=name, Key="a.txt", Body=content)
    return s3, name


def test_everything_that_is_known_is_shown(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server)
    s3.put_object(
        Bucket=name,
        Key="f/a.csv",
        Body=b"1,2\n",
        ContentType="text/csv",
        Metadata={"who": "nurse <b>"},
        Tagging="team=fraud",
        ChecksumAlgorithm="SHA256",
    )
    text = visitor.get(f"/data/{name}/object?key=f/a.csv").text
    for shown in (f"s3://{name}/f/a.csv", "text/csv", "nurse &lt;b&gt;", "Tag team", "fraud", "Checksum SHA256"):
        assert shown in text
    assert f"/data/{name}/profile?key=f/a.csv" in text
    assert f"/new/training-job?train={quote(f's3://{name}/f/a.csv', safe='')}" in text


def test_what_is_not_there_is_not_found(visitor: Visitor) -> None:
    _, name = versioned(visitor.server, b"1")
    assert visitor.get(f"/data/{name}/object?key=b").status == 404
    assert visitor.get(f"/data/no-{name}/object?key=b").status == 404
    assert visitor.get(f"/data/{name}/object?key=").status == 400
    assert visitor.get(f"/data/{name}/object?key=%00").status == 400
    for version in ("", "&version=", "&version=none"):
        assert visitor.post(f"/data/{name}/restore?key=a.txt{version}").status == 400


def test_a_version_is_fetched_restored_and_deleted_for_good(studio: Any) -> None:
    s3, name = versioned(studio.server, b"first", b"second!")
    page = studio.visit(f"/data/{name}/object?key=a.txt")
    rows = page.get_by_role("region", name="Versions").locator("tbody tr")
    assert rows.count() == 2
    with page.expect_download() as kept:
        rows.nth(1).get_by_role("link", name="Download").click()
    assert kept.value.suggested_filename == "a.txt"
    assert kept.value.path().read_bytes() == b"first"
    rows.nth(1).get_by_role("button", name="Restore").click()
    rows.nth(2).wait_for()
    assert s3.get_object(Bucket=name, Key="a.txt")["Body"].read() == b"first"
    rows.nth(1).get_by_role("button", name="Delete for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    rows.nth(2).wait_for(state="detached")
    assert len(s3.list_object_versions(Bucket=name)["Versions"]) == 2


def test_a_deletion_is_undone(studio: Any) -> None:
    s3, name = versioned(studio.server, b"first")
    page = studio.visit(f"/data/{name}/object?key=a.txt", check=False)
    page.locator(".head").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    assert "it can be restored" in dialog.inner_text()
    dialog.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**/data/{name}")
    assert keys(s3, name) == []
    studio.visit(f"/data/{name}/object?key=a.txt")
    page.get_by_role("button", name="Undo the deletion").click()
    page.get_by_role("heading", name="About it").wait_for()
    assert keys(s3, name) == ["a.txt"]


def test_a_link_is_shared(studio: Any) -> None:
    _, name = bucket_of(studio.server, **{"a b/c+d.txt": b"content"})
    page = studio.visit(f"/data/{name}/object?key={quote('a b/c+d.txt')}")
    page.get_by_label("Good for").select_option("a day")
    page.get_by_role("button", name="Make a link").click()
    url = page.locator("#shared pre").inner_text()
    studio.check()
    assert "X-Amz-Expires=86400" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"


def test_a_link_is_signed_for_the_region_of_its_bucket(visitor: Visitor) -> None:
    s3, name = visitor.server.client("s3", region="eu-west-1"), f"b-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="a", Body=b"content")
    shared = visitor.post(f"/data/{name}/share?key=a", {"expires": "3600"}).text
    url = re.search(r"<pre[^>]*>(.*?)</pre>", shared)
    assert url
    assert "eu-west-1" in url[1]
    with urllib.request.urlopen(url[1].replace("&amp;", "&")) as answer:
        assert answer.read() == b"content"


def test_the_program_that_is_shown_gets_the_object(visitor: Visitor, tmp_path: Path) -> None:
    key = 'it\'s "a" $HOME/`b`\n.csv'
    _, name = bucket_of(visitor.server, **{key: b"content"})
    text = visitor.get(f"/data/{name}/object?key={quote(key)}").text
    shown = next(
        html.unescape(each) for each in re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL) if "boto3" in each
    )
    environment = {**os.environ, **visitor.server.env}
    subprocess.run([sys.executable, "-c", shown], cwd=tmp_path, env=environment, check=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"content"]


@pytest.mark.parametrize("key", [key for key in KEYS if not {".", ".."} & set(key.split("/"))])
def test_any_key_has_its_page_and_its_link(visitor: Visitor, key: str) -> None:
    s3, name = bucket_of(visitor.server)
    s3.put_object(Bucket=name, Key=key, Body=b"content")
    text = visitor.get(f"/data/{name}/object?key={quote(key, safe='')}").text
    assert "About it" in text
    assert "<script>alert" not in text
    shared = visitor.post(f"/data/{name}/share?key={quote(key, safe='')}", {"expires": "3600"}).text
    url = re.search(r"<pre[^>]*>(.*?)</pre>", shared)
    assert url
    with urllib.request.urlopen(url[1].replace("&amp;", "&")) as answer:
        assert answer.read() == b"content"
