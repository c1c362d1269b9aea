"""Who may read `/metrics`."""

from __future__ import annotations

import pytest

from potager.gateway.exposition import admitted
from potager.wire.message import Request

TOKEN = "a token of its own".replace(" ", "-")


def asked(client: str, **headers: str) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/metrics", "", given, client=client)


@pytest.mark.parametrize(
    ("request_", "token", "expected"),
    [
        (asked("127.0.0.1"), "", True),
        (asked("::1"), "", True),
        (asked("192.0.2.7"), "", False),
        (asked(""), "", False),
        (asked("127.0.0.1", x_forwarded_for="192.0.2.7"), "", False),
        (asked("127.0.0.1", via="1.1 front"), "", False),
        (asked("127.0.0.1"), TOKEN, False),
        (asked("127.0.0.1", authorization="Bearer other"), TOKEN, False),
        (asked("192.0.2.7", authorization=f"Bearer {TOKEN}"), TOKEN, True),
    ],
)
def test_this_machine_reads_or_whoever_brings_the_token(request_: Request, token: str, expected: bool) -> None:
    assert admitted(request_, token) is expected
