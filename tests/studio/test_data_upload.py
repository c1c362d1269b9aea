"""Files are sent: chosen, dropped, in folders, large ones in parts; refused where something is there."""

from __future__ import annotations

import http.client
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.studio.conftest import ROOT, Visitor
from tests.studio.test_data import KEYS, Expecting, bucket_of, keys

SENT = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/octet-stream"}
PART = 16 * 2**20

DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, text, type] of files) transfer.items.add(new File([text], name, { type }));
  const target = document.querySelector("po-upload");
  target.dispatchEvent(new DragEvent("dragover", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def sent(visitor: Visitor, method: str, path: str, content: bytes | None = b"", **said: str) -> Any:
    return visitor.send(method, path, content, SENT | {"X-Form-Token": visitor.token} | said)


def test_files_are_dropped(studio: Any) -> None:
    s3, name = bucket_of(studio.server)
    page = studio.visit(f"/data/{name}?prefix=in%20here/", check=False)
    page.evaluate(DROP, [["a.csv", "1,2\n", "text/csv"], ["ü #?%.txt", "hello", "text/plain"]])
    page.get_by_text("All sent").wait_for()
    page.get_by_role("link", name="ü #?%.txt").wait_for()
    studio.check()
    assert keys(s3, name) == ["in here/a.csv", "in here/ü #?%.txt"]
    found = s3.get_object(Bucket=name, Key="in here/a.csv")
    assert (found["Body"].read(), found["ContentType"]) == (b"1,2\n", "text/csv")


def test_files_are_chosen_and_a_folder_keeps_its_paths(studio: Any, tmp_path: Path) -> None:
    s3, name = bucket_of(studio.server)
    (tmp_path / "set" / "train").mkdir(parents=True)
    (tmp_path / "set" / "train" / "1.csv").write_text("1")
    (tmp_path / "set" / "readme").write_text("")
    page = studio.visit(f"/data/{name}", check=False)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload files").click()
    chooser.value.set_files([tmp_path / "set" / "readme"])
    page.get_by_role("link", name="readme").wait_for()
    page.locator("#folder").set_input_files(tmp_path / "set")
    page.get_by_role("link", name="set/").wait_for()
    assert keys(s3, name) == ["readme", "set/readme", "set/train/1.csv"]
    assert s3.head_object(Bucket=name, Key="readme")["ContentLength"] == 0


def test_nothing_is_replaced_unasked(studio: Any) -> None:
    s3, name = bucket_of(studio.server, **{"a.csv": b"old"})
    studio.complaints = Expecting("status of 412")
    page = studio.visit(f"/data/{name}", check=False)
    page.evaluate(DROP, [["a.csv", "new", "text/csv"]])
    page.get_by_text("An object of that name is there already.").wait_for()
    studio.check()
    assert s3.get_object(Bucket=name, Key="a.csv")["Body"].read() == b"old"
    page.get_by_role("button", name="Replace a.csv").click()
    page.get_by_text("All sent").wait_for()
    assert s3.get_object(Bucket=name, Key="a.csv")["Body"].read() == b"new"


def test_a_large_file_is_sent_in_parts(studio: Any, tmp_path: Path) -> None:
    s3, name = bucket_of(studio.server)
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(PART * 2 + 12345))
    page = studio.visit(f"/data/{name}", check=False)
    page.locator("#files").set_input_files(file)
    page.get_by_text("All sent").wait_for()
    found = s3.get_object(Bucket=name, Key="large.bin")
    assert found["ETag"].endswith('-3"')
    assert found["Body"].read() == file.read_bytes()


def test_a_lost_connection_is_tried_again(studio: Any) -> None:
    s3, name = bucket_of(studio.server)
    page = studio.visit(f"/data/{name}", check=False)
    lost = [1, 2]
    studio.complaints = Expecting("net::ERR_FAILED")
    page.route("**/upload?*", lambda route: route.abort() if lost and lost.pop() else route.continue_())
    page.evaluate(DROP, [["a.csv", "new", "text/csv"]])
    page.get_by_text("All sent").wait_for()
    assert keys(s3, name) == ["a.csv"]


def test_what_is_on_its_way_is_cancelled(studio: Any, tmp_path: Path) -> None:
    s3, name = bucket_of(studio.server)
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(PART + 1))
    page = studio.visit(f"/data/{name}", check=False)
    held: list[Any] = []
    page.route("**/uploads/part?*", lambda route: held.append(route))
    with page.expect_request("**/uploads/part?*"):
        page.locator("#files").set_input_files(file)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
        page.get_by_role("button", name="Cancel large.bin").click()
    assert ended.value.status == 200
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)
    assert page.locator(".sending").count() == 0


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_sent_whole_and_in_parts(visitor: Visitor, key: str) -> None:
    s3, name = bucket_of(visitor.server)
    named = f"key={quote(key, safe='')}"
    assert sent(visitor, "PUT", f"/data/{name}/upload?{named}", b"one").status == 200
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"one"
    assert sent(visitor, "POST", f"/data/{name}/uploads?{named}").status == 412
    upload = sent(visitor, "POST", f"/data/{name}/uploads?{named}&replace=yes").json["UploadId"]
    place = f"{named}&upload={upload}"
    etag = sent(visitor, "PUT", f"/data/{name}/uploads/part?{place}&number=1", b"two").json["ETag"]
    parts = json.dumps({"parts": [etag]}).encode()
    assert sent(visitor, "POST", f"/data/{name}/uploads/complete?{place}", parts).status == 412
    assert sent(visitor, "POST", f"/data/{name}/uploads/complete?{place}&replace=yes", parts).status == 200
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"two"


def test_what_is_wrong_is_told(visitor: Visitor) -> None:
    _, name = bucket_of(visitor.server)
    absent = sent(visitor, "PUT", f"/data/no-{name}/upload?key=a", b"1")
    assert (absent.status, absent.json["code"]) == (404, "NoSuchBucket")
    assert sent(visitor, "PUT", f"/data/{name}/upload?key={'x' * 1025}", b"1").json["code"] == "KeyTooLongError"
    assert sent(visitor, "PUT", f"/data/{name}/upload?key=%00", b"1").status == 400
    assert sent(visitor, "PUT", f"/data/{name}/uploads/part?key=a&upload=none&number=0", b"1").status == 400
    assert sent(visitor, "PUT", f"/data/{name}/uploads/part?key=a&upload=none&number=1", b"1").status == 404
    assert sent(visitor, "POST", f"/data/{name}/uploads/complete?key=a&upload=none", b"[1").status == 400
    assert sent(visitor, "PUT", f"/data/{name}/upload?key=a", b"1", **{"X-Form-Token": "forged"}).status == 403


def test_a_refusal_is_heard_by_who_still_sends(studio: Any, tmp_path: Path) -> None:
    s3, name = bucket_of(studio.server)
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(PART))
    page = studio.visit(f"/data/{name}", check=False)
    s3.delete_bucket(Bucket=name)
    studio.complaints = Expecting("status of 404")
    page.locator("#files").set_input_files(file)
    page.get_by_text("The specified bucket does not exist").wait_for()


def test_a_folder_is_dropped(studio: Any, tmp_path: Path) -> None:
    s3, name = bucket_of(studio.server)
    (tmp_path / "set" / "train" / "empty").mkdir(parents=True)
    for number in range(120):  # a browser gives a hundred at a time
        (tmp_path / "set" / "train" / f"{number:03}.csv").write_text("1")
    (tmp_path / "readme").write_text("x")
    page = studio.visit(f"/data/{name}", check=False)
    box = page.locator("po-upload").bounding_box()
    protocol = page.context.new_cdp_session(page)
    files = [str(tmp_path / "set"), str(tmp_path / "readme")]
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": files, "dragOperationsMask": 1}
        place = {"x": box["x"] + 10, "y": box["y"] + 10}
        protocol.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    page.get_by_role("link", name="set/").wait_for()
    page.get_by_text("All sent").wait_for()
    assert len(keys(s3, name)) == 121
    assert {"readme", "set/train/000.csv", "set/train/119.csv"} <= set(keys(s3, name))


def test_who_is_signed_out_is_told(studio: Any) -> None:
    s3, name = bucket_of(studio.server)
    page = studio.visit(f"/data/{name}", check=False)
    page.context.clear_cookies()
    page.evaluate(DROP, [["a.csv", "1,2", "text/csv"]])
    page.get_by_text("You are signed out.").wait_for()
    assert keys(s3, name) == []


def test_what_is_dropped_beside_is_taken_too(studio: Any) -> None:
    s3, name = bucket_of(studio.server)
    page = studio.visit(f"/data/{name}", check=False)
    page.evaluate(DROP.replace('"po-upload"', '"main h1"'), [["a.csv", "1,2\n", "text/csv"]])
    page.get_by_text("All sent").wait_for()
    assert keys(s3, name) == ["a.csv"]


def peak(pid: int) -> int:
    """The most memory that a process has had since it was last forgotten, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_bytes_stream_through_in_both_directions(visitor: Visitor) -> None:
    _, name = bucket_of(visitor.server)
    size, pid = 96 * 2**20, visitor.server.pid
    assert pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = peak(pid)
    where = urlsplit(visitor.server.url)
    line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    said = SENT | {"X-Form-Token": visitor.token, "Cookie": visitor.cookie, "Content-Length": str(size)}
    chunks = (bytes(2**20) for _ in range(size // 2**20))
    line.request("PUT", f"{ROOT}/data/{name}/upload?key=large", chunks, said)
    answer = line.getresponse()
    assert (answer.status, answer.read()) == (200, b"{}")
    line.request("GET", f"{ROOT}/data/{name}/download?key=large", headers={"Cookie": visitor.cookie})
    answer, got = line.getresponse(), 0
    while chunk := answer.read(2**20):
        got += len(chunk)
    line.close()
    assert (answer.status, got) == (200, size)
    assert peak(pid) - before < size // 3


def test_a_body_that_breaks_off_leaves_nothing(visitor: Visitor) -> None:
    s3, name = bucket_of(visitor.server)
    where = urlsplit(visitor.server.url)
    line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    said = SENT | {"X-Form-Token": visitor.token, "Cookie": visitor.cookie, "Content-Length": "1000000"}
    line.request("PUT", f"{ROOT}/data/{name}/upload?key=a", b"only this", said)
    line.close()
    assert visitor.get(f"/data/{name}").status == 200
    assert keys(s3, name) == []
