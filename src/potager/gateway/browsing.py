"""What a browser may do with what a bucket holds: show it, and run nothing of it.

S3 and Studio have one origin. An object that is HTML (or SVG, XML ...) and is opened by a link would be a page of that
origin, whose scripts could ask Studio with the cookie of whoever looks. So whatever a browser asks in order to show it
as a document, in a window or in a frame, is answered with a sandbox: an origin of its own that nobody shares, in
which nothing runs. Clients of the API, and what pages of other sites fetch from a bucket, get what they always got.

A browser says why it asks (`Sec-Fetch-Mode`, on https and on this machine); where it does not say, an `Accept` that
names HTML is taken for a window. A service worker, which would answer in Studio's place, is never served from a bucket.
Source: https://www.w3.org/TR/fetch-metadata/, https://html.spec.whatwg.org/multipage/browsers.html#sandboxing
"""

from __future__ import annotations

from collections.abc import Mapping

from potager.wire.message import Response

DOCUMENTS = frozenset(("document", "embed", "fencedframe", "frame", "iframe", "object"))
"""What a browser shows as a document of its own (`Sec-Fetch-Dest`)."""

SANDBOX = [
    ("content-security-policy", "sandbox allow-downloads"),
    ("x-content-type-options", "nosniff"),
]


def forbidden(headers: Mapping[str, str]) -> Response | None:
    """The answer to a browser that would install a service worker; None to everybody else."""
    if "service-worker" not in headers and headers.get("sec-fetch-dest") != "serviceworker":
        return None
    return Response(403, [("content-type", "text/plain")], b"No service worker comes from here.")


def shows(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks for something to show it as a document.

    headers : the request's, by lower-case name.
    """
    if "sec-fetch-mode" in headers:
        return headers["sec-fetch-mode"] == "navigate" or headers.get("sec-fetch-dest") in DOCUMENTS
    return "text/html" in headers.get("accept", "")


def guarded(headers: Mapping[str, str], response: Response) -> Response:
    """The answer of S3, or of another service, as it goes to whoever sent these headers."""
    if shows(headers):
        kept = [header for header in response.headers if header[0].lower() not in _NAMES]
        response.headers = [*kept, *SANDBOX]
    return response


_NAMES = frozenset(name for name, _ in SANDBOX)
