from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from potager.cli import proxy as module
from potager.cli.authority import Authority
from potager.cli.proxy import Proxy
from potager.cli.upstream import Upstream
from tests.unit.cli.elsewhere import Forward, certificate, http, secured, serving


class Client:
    """Speaks to a proxy by hand."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.port = parts.port
        self.login = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()

    async def open(
        self, target: str, *, login: str | None = None, method: str = "CONNECT"
    ) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        login = self.login if login is None else login
        writer.write(f"{method} {target} HTTP/1.1\r\nproxy-authorization: Basic {login}\r\n\r\n".encode())
        return await reader.readuntil(b"\r\n\r\n"), reader, writer

    async def status(self, target: str, **how: str) -> int:
        head, _, writer = await self.open(target, **how)
        writer.close()
        return int(head.split()[1])

    async def get(self, target: str, name: str, trusted: str) -> bytes:
        """What an https client gets that trusts the certificates `trusted` (PEM)."""
        head, reader, writer = await self.open(target)
        assert head.startswith(b"HTTP/1.1 200 ")
        await writer.start_tls(ssl.create_default_context(cadata=trusted), server_hostname=name)
        writer.write(f"GET /path HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority.of(tmp_path)


@pytest.fixture
async def client(ours: Authority) -> AsyncIterator[Client]:
    """A client of a proxy whose server answers with the head that it was asked with."""
    async with serving(http) as port, proxied(Proxy(f"http://127.0.0.1:{port}", ours, Upstream({}))) as client:
        yield client


class proxied:
    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy

    async def __aenter__(self) -> Client:
        return Client(await self.proxy.listen())

    async def __aexit__(self, *_: object) -> None:
        await self.proxy.close()


@pytest.mark.parametrize(
    "host", ["sts.us-east-1.amazonaws.com", "claims.s3.eu-west-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"]
)
async def test_awss_names_are_answered_by_the_server_with_the_host_kept(
    client: Client, ours: Authority, host: str
) -> None:
    answer = await client.get(f"{host}:443", host, ours.certificate.decode())
    assert f"GET /path HTTP/1.1\r\nHost: {host}".encode() in answer


async def test_a_name_in_capitals_or_with_a_last_dot_is_the_same(client: Client, ours: Authority) -> None:
    answer = await client.get("STS.amazonaws.com.:443", "sts.amazonaws.com", ours.certificate.decode())
    assert b"200 OK" in answer


async def test_other_names_are_passed_on_untouched(client: Client, tmp_path: Path) -> None:
    own = certificate(tmp_path, "localhost")
    async with serving(http, secured(own)) as port:
        answer = await client.get(f"localhost:{port}", "localhost", own.read_text())
    assert b"Host: localhost" in answer


async def test_other_names_go_by_the_environments_proxy_and_awss_do_not(ours: Authority, tmp_path: Path) -> None:
    own, forward = certificate(tmp_path, "pypi.org"), Forward(login="ann:secret")
    async with serving(http) as server, serving(http, secured(own)) as port, serving(forward) as other:
        upstream = Upstream({"HTTPS_PROXY": f"http://ann:secret@127.0.0.1:{other}"})
        async with proxied(Proxy(f"http://127.0.0.1:{server}", ours, upstream)) as client:
            assert b"200 OK" in await client.get(f"pypi.org:{port}", "pypi.org", own.read_text())
            assert b"200 OK" in await client.get("s3.amazonaws.com:443", "s3.amazonaws.com", ours.certificate.decode())
    assert forward.asked == [f"pypi.org:{port}"]


@pytest.mark.parametrize(("said", "told"), [(403, 403), (407, 502), (504, 504)])
async def test_a_refusal_of_the_environments_proxy_is_told(ours: Authority, said: int, told: int) -> None:
    async with serving(Forward(status=said)) as other:
        upstream = Upstream({"HTTPS_PROXY": f"http://127.0.0.1:{other}"})
        async with proxied(Proxy("http://127.0.0.1:1", ours, upstream)) as client:
            assert await client.status("pypi.org:443") == told


async def test_who_does_not_know_the_token_is_sent_away(client: Client) -> None:
    head, reader, writer = await client.open("sts.amazonaws.com:443", login=base64.b64encode(b"potager:guess").decode())
    assert head.startswith(b"HTTP/1.1 407 ")
    assert b"Proxy-Authenticate: Basic" in head
    assert await reader.read() == b"This proxy is for another.\n"
    writer.close()


async def test_what_is_no_connect_is_refused(client: Client) -> None:
    assert await client.status("http://pypi.org/", method="GET") == 405


@pytest.mark.parametrize(
    "target", ["pypi.org", "pypi.org:", "pypi.org:0", "pypi.org:65536", "pypi.org:x", ":443", "pypi.org:²"]
)
async def test_a_target_that_is_no_host_and_port_is_refused(client: Client, target: str) -> None:
    assert await client.status(target) == 400


async def test_a_host_that_cannot_be_reached_is_told(client: Client) -> None:
    async with serving(http) as port:
        pass
    assert await client.status(f"127.0.0.1:{port}") == 502


async def test_a_head_without_end_is_refused(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"CONNECT pypi.org:443 HTTP/1.1\r\nX: " + b"x" * 200_000)
    assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_client_that_says_nothing_is_left(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_PATIENCE", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    assert await reader.read() == b""
    writer.close()


async def test_a_client_that_does_not_trust_us_is_told_how(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trusting = ssl.create_default_context(cadata=certificate(tmp_path, "stranger").read_text())

    def shake(sock: socket.socket) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            trusting.wrap_socket(sock, server_hostname="sts.amazonaws.com")

    for _ in range(2):
        # A socket of its own: asyncio's client breaks off without the alert that others send.
        sock = socket.create_connection(("127.0.0.1", client.port))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        head = f"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nProxy-Authorization: Basic {client.login}\r\n\r\n"
        await loop.sock_sendall(sock, head.encode())
        assert (await loop.sock_recv(sock, 100)).startswith(b"HTTP/1.1 200 ")
        sock.setblocking(True)
        await asyncio.to_thread(shake, sock)
    for _ in range(1000):
        if not caplog.records:
            await client.status("nothing")  # each answer gives the proxy time to read the alert
    assert len(caplog.records) == 1
    assert "sts.amazonaws.com: the client does not take our certificate" in caplog.text
    assert "SSL_CERT_FILE" in caplog.text


async def test_much_passes_both_ways_whole(ours: Authority) -> None:
    size = 5_000_000

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = size
        while left:
            chunk = await reader.read(65536)
            left -= len(chunk)
            writer.write(chunk)
            await writer.drain()

    async with serving(echo) as server, proxied(Proxy(f"http://127.0.0.1:{server}", ours, Upstream({}))) as client:
        _, reader, writer = await client.open("s3.amazonaws.com:443")
        trusting = ssl.create_default_context(cadata=ours.certificate.decode())
        await writer.start_tls(trusting, server_hostname="s3.amazonaws.com")
        data = bytes(range(256)) * (size // 256)
        data += b"x" * (size - len(data))
        writer.write(data)
        assert await reader.readexactly(size) == data
        writer.close()


async def test_a_tunnel_outlives_the_end_of_what_the_client_sends(client: Client) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(len(await reader.read())).encode())

    async with serving(count) as port:
        _, reader, writer = await client.open(f"127.0.0.1:{port}")
        writer.write(b"x" * 1000)
        writer.write_eof()
        assert await reader.read() == b"1000"
        writer.close()


async def test_it_listens_on_loopback_alone_and_stops(ours: Authority) -> None:
    proxy = Proxy("http://127.0.0.1:1", ours, Upstream({}))
    url = urlsplit(await proxy.listen())
    assert url.hostname == "127.0.0.1"
    assert len(url.password or "") >= 32
    await proxy.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", url.port)
