"""Which requests a browser makes to show something as a document, and what it is told then."""

from __future__ import annotations

import pytest

from potager.gateway import browsing
from potager.wire.message import Response

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("kind", sorted(browsing.DOCUMENTS))
def test_documents_come_in_a_sandbox(kind: str) -> None:
    headers = {"sec-fetch-mode": "navigate", "sec-fetch-dest": kind}
    assert browsing.shows(headers)
    assert browsing.shows(headers | {"sec-fetch-mode": "no-cors"})
    answer = browsing.guarded(headers, Response(200, [("Content-Security-Policy", "x"), ("etag", "1")], b""))
    assert answer.headers == [("etag", "1"), *browsing.SANDBOX]


def test_a_browser_that_does_not_say_why_it_asks_is_told_by_what_it_takes() -> None:
    assert browsing.shows({"accept": HTML})
    assert not browsing.shows({"accept": "*/*"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user-agent": "Boto3/1.40", "accept-encoding": "identity"},
        {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "accept": "image/*"},
    ],
)
def test_others_get_what_they_always_got(headers: dict[str, str]) -> None:
    answer = browsing.guarded(headers, Response(200, [("etag", "1")], b""))
    assert answer.headers == [("etag", "1")]
    assert browsing.forbidden(headers) is None


def test_a_service_worker_is_refused() -> None:
    for headers in ({"service-worker": "script"}, {"sec-fetch-dest": "serviceworker"}):
        answer = browsing.forbidden(headers)
        assert answer
        assert answer.status == 403
