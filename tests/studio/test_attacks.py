"""What nobody sends who means well: addresses that are none, forms that are too large, hosts that are no names."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from potager.studio.safety import MOST_FIELDS, MOST_FORM
from tests.studio.conftest import ROOT, Visitor

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


def said(server: Any, head: str) -> bytes:
    """What comes back to a request that is written by hand, before its body."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as line:
        line.sendall(head.replace("\n", "\r\n").encode("latin-1"))
        return line.makefile("rb").readline()


@pytest.mark.parametrize("address", ["//[", "//[%ff", "http://[bad", "/_studio/%00", "%ed%a0%80"])
def test_an_address_that_is_none_leads_nowhere(stranger: Visitor, address: str) -> None:
    assert stranger.get(f"/sign-in?next={address}").status == 200
    shown = stranger.get("/training-jobs", hx_request="true", hx_current_url=address)
    assert shown.headers["hx-redirect"].startswith(f"{ROOT}/sign-in")


def test_a_form_that_is_too_large_is_told_so(visitor: Visitor) -> None:
    many = {f"field-{number}": "x" for number in range(MOST_FIELDS)}
    for token in ({}, {"X-Form-Token": visitor.token}):
        assert visitor.post("/new/bucket", many, **token).status == 413
        large = visitor.post("/new/bucket", {"name": "x" * MOST_FORM}, **token)
        assert large.status == 413
        assert f"{MOST_FORM:,} bytes" in large.text


def test_who_is_not_signed_in_sends_a_plain_form_or_nothing(server: Any, stranger: Visitor) -> None:
    assert stranger.post("/sign-in", {"secret_key": "x" * MOST_FORM}).status == 413
    assert stranger.post("/sign-in", {f"field-{number}": "x" for number in range(MOST_FIELDS)}).status == 413
    for kind in ("multipart/form-data; boundary=x", "application/json", "text/plain", ""):
        assert stranger.send("POST", "/sign-in", b"--x--", FORM | {"Content-Type": kind}).status == 415
    where = urlsplit(server.url).netloc
    for path, kind in (("sign-in", "multipart/form-data; boundary=x"), ("data/any/upload?key=a", "text/plain")):
        head = f"POST {ROOT}/{path} HTTP/1.1\nHost: {where}\nSec-Fetch-Site: same-origin\nContent-Type: {kind}\n"
        told = said(server, f"{head}Expect: 100-continue\nContent-Length: 1000000000\n\n")
        assert told.split()[1] in (b"415", b"303"), told  # its bytes were not asked for


def test_an_upload_without_the_token_is_not_read(server: Any, visitor: Visitor) -> None:
    head = f"PUT {ROOT}/data/any/upload?key=a HTTP/1.1\nHost: {urlsplit(server.url).netloc}\nCookie: {visitor.cookie}\n"
    told = said(server, f"{head}Sec-Fetch-Site: same-origin\nExpect: 100-continue\nContent-Length: 1000000000\n\n")
    assert told.split()[1] == b"403"


@pytest.mark.parametrize("host", ["[", "a b", "[::1", "x:99999", "x:abc", "é", "", "a@b", "a/b", "a;script-src *"])
def test_a_host_that_is_no_name_gets_no_more_than_others(server: Any, visitor: Visitor, host: str) -> None:
    head = f"GET {ROOT}/training-jobs HTTP/1.1\nHost: {host}\nCookie: {visitor.cookie}\n\n"
    assert said(server, head).split()[1] in (b"200", b"400")
    known = visitor.get("/", Host="a;script-src *").headers["content-security-policy"]
    assert "*" not in known


def test_what_is_absent_is_not_kept_by_browsers(stranger: Visitor) -> None:
    assert "immutable" in stranger.get("/static/studio.css?version").headers["cache-control"]
    absent = stranger.get("/static/of-the-next-version.js?version")
    assert (absent.status, absent.headers["cache-control"]) == (404, "no-store")


def test_a_stream_ends_when_its_person_signs_out(stranger: Visitor) -> None:
    visitor = stranger.sign_in()
    where = urlsplit(visitor.server.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as line:
        head = f"GET {ROOT}/notebooks/live HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {visitor.cookie}\r\n\r\n"
        line.sendall(head.encode())
        reader = line.makefile("rb")
        while not reader.readline().startswith(b"event: "):
            continue
        assert visitor.post("/sign-out").status == 303
        while reader.readline().strip() != b"event: end":
            continue


def test_the_server_stops_with_pages_open(fresh_server: Any) -> None:
    visitor = Visitor(fresh_server).sign_in()
    storage = fresh_server.client("s3")
    storage.create_bucket(Bucket="large")
    storage.put_object(Bucket="large", Key="one", Body=bytes(40_000_000))
    where = urlsplit(fresh_server.url)
    lines = []
    for path in ("/live", "/notebooks/live", "/data/large/download?key=one", "/data/large/download?key=one"):
        line = socket.create_connection((where.hostname or "", where.port or 0), timeout=60)
        head = f"GET {ROOT}{path} HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {visitor.cookie}\r\n\r\n"
        line.sendall(head.encode())
        assert line.recv(12) == b"HTTP/1.1 200"
        lines.append(line)  # and nothing more is read of them
    lines.pop().close()
    assert fresh_server._child.stop() == 0  # it needed no SIGKILL
    for line in lines:
        line.close()
