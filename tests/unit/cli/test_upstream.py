from __future__ import annotations

import asyncio

import pytest

from potager.cli.upstream import Refused, Upstream
from potager.kernel.errors import Invalid
from tests.unit.cli.elsewhere import Forward, Handler, Socks, http, serving


async def ask(upstream: Upstream, port: int, host: str = "pypi.org") -> bytes:
    reader, writer = await upstream.connect(host, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_without_a_proxy_it_goes_straight() -> None:
    async with serving(http) as port:
        assert b"200 OK" in await ask(Upstream({}), port, "127.0.0.1")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
async def test_the_environments_proxy_is_asked_for_other_hosts(name: str) -> None:
    forward = Forward(login="ann:p@ss")
    async with serving(http) as port, serving(forward) as proxy:
        answer = await ask(Upstream({name: f"http://ann:p%40ss@127.0.0.1:{proxy}"}), port)
    assert b"200 OK" in answer
    assert forward.asked == [f"pypi.org:{port}"]


async def test_the_lower_case_spelling_and_the_kind_of_traffic_win() -> None:
    upstream = Upstream({"ALL_PROXY": "http://a", "HTTPS_PROXY": "http://b", "https_proxy": "c:3128"})
    assert upstream.proxy is not None
    assert (upstream.proxy.hostname, upstream.proxy.port) == ("c", 3128)


async def test_a_socks_proxy_is_asked_by_name_and_with_a_login() -> None:
    socks = Socks((b"ann", b"secret"))
    async with serving(http) as port, serving(socks) as proxy:
        answer = await ask(Upstream({"ALL_PROXY": f"socks5h://ann:secret@127.0.0.1:{proxy}"}), port)
    assert b"200 OK" in answer
    assert socks.asked == [f"pypi.org:{port}"]


@pytest.mark.parametrize(
    ("proxy", "kind", "status", "message"),
    [
        (Forward(login="ann:right"), "http://ann:wrong@", 407, "answered 407 for pypi.org:443"),
        (Forward(status=403), "http://", 403, "answered 403 for pypi.org:443"),
        (Socks((b"ann", b"right")), "socks5://ann:wrong@", 407, "does not take our login"),
        (Socks((b"ann", b"right"), reply=2), "socks5://ann:right@", 502, "answered 2 for pypi.org:443"),
    ],
)
async def test_a_refusal_of_the_proxy_tells_what_it_said(proxy: Handler, kind: str, status: int, message: str) -> None:
    async with serving(proxy) as port:
        with pytest.raises(Refused, match=message) as caught:
            await Upstream({"HTTPS_PROXY": f"{kind}127.0.0.1:{port}"}).connect("pypi.org", 443)
    assert caught.value.status == status


async def test_a_proxy_that_hangs_up_or_talks_nonsense_is_a_refusal() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 mail\r\n\r\n")

    async with serving(nonsense) as port:
        for kind in ("http", "socks5"):
            with pytest.raises(Refused):
                await Upstream({"HTTPS_PROXY": f"{kind}://127.0.0.1:{port}"}).connect("pypi.org", 443)


def test_a_proxy_of_a_kind_that_we_do_not_speak_is_an_error_at_once() -> None:
    with pytest.raises(Invalid, match="'socks4'"):
        Upstream({"ALL_PROXY": "socks4://127.0.0.1:1080"})


@pytest.mark.parametrize(
    ("entry", "host", "port", "expected"),
    [
        ("*", "pypi.org", 443, True),
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "files.pypi.org", 443, True),
        (".pypi.org", "files.pypi.org", 443, True),
        ("*.pypi.org", "files.pypi.org", 443, True),
        ("pypi.org", "notpypi.org", 443, False),
        ("PyPI.org", "PYPI.org", 443, True),
        ("pypi.org:8443", "pypi.org", 443, False),
        ("pypi.org:443", "pypi.org", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "pypi.org", 443, False),
        ("::1", "::1", 443, True),
        ("a, ,b", "b", 443, True),
        ("", "pypi.org", 443, False),
    ],
)
def test_hosts_may_be_exempt_from_the_proxy(entry: str, host: str, port: int, expected: bool) -> None:
    assert Upstream({"NO_PROXY": entry}).is_exempt(host, port) is expected


async def test_an_exempt_host_is_reached_straight() -> None:
    forward = Forward()
    async with serving(http) as port, serving(forward) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy}", "no_proxy": "127.0.0.1"}
        assert b"200 OK" in await ask(Upstream(environ), port, "127.0.0.1")
    assert forward.asked == []
