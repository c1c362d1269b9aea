"""Which S3 operation a request means: bucket and key out of path or host, then the sub-resource.

Up to 36 operations share a method and a path. The sub-resources in the query (`?acl`, `?uploads`, `?list-type=2`) must
be exactly those of one operation; among operations with the same ones, required parameters decide (`uploadId`,
`x-amz-copy-source`). A sub-resource that fits no operation is refused: `PUT /b?cors` must never create a bucket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from potager.kernel.errors import Unserved, WireError
from potager.wire import errata, model
from potager.wire.message import Request, decoded

_AWS_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-]dualstack)?(?:[.-](?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d))?"
    r"(?:\.amazonaws\.com(?:\.cn)?|\.localhost|\.localhost\.localstack\.cloud)",
)
_LOCAL = "localhost"
"""Where systems find this machine by any name below it (RFC 6761, 6.3): `claims.localhost`, too, is a bucket's host."""


PREFLIGHT, FORM = "PreflightRequest", "PostObject"
"""What S3 serves and the model does not know."""


class Place(NamedTuple):
    """Where a request points: bucket and key (decoded; "" for none) and the region that its host names."""

    bucket: str
    key: str
    region: str | None


@dataclass(frozen=True)
class _Candidate:
    name: str
    arguments: frozenset[str]
    headers: frozenset[str]
    values: tuple[tuple[str, str], ...]
    inputs: frozenset[str]
    deprecated: bool

    def satisfied(self, request: Request) -> bool:
        if self.arguments and not (request.query and self.arguments <= request.arguments.keys()):
            return False
        return not self.headers or self.headers <= request.headers.keys()


def place(request: Request) -> Place:
    """Bucket and key; path style unless a bucket's name stands before the host. The path is never normalised."""
    bucket, region = host(request.headers.get("host", ""), request.domain)
    path = request.path[1:] if request.path.startswith("/") else request.path
    if not bucket:
        bucket, _, path = path.partition("/")
        bucket = _decoded(bucket)
        if not bucket and path:
            raise WireError("InvalidURI", "Couldn't parse the specified URI: the bucket's name is empty.")
    return Place(bucket, _decoded(path), region)


@lru_cache(maxsize=256)
def host(text: str, domain: str = "") -> tuple[str | None, str | None]:
    """Bucket and region that a Host header names, each None where it names none.

    domain : this server's own for S3, "" where it has none: `<bucket>.<domain>`.
    """
    name = _name(text)
    if match := _AWS_HOST.fullmatch(name):
        return match["bucket"], match["region"]
    own = (name.removesuffix("." + each) for each in (domain.lower(), _LOCAL) if each and name.endswith("." + each))
    return next((bucket for bucket in own if bucket and name != domain.lower()), None), None


def is_host(text: str, domain: str = "") -> bool:
    """Whether a Host header is one of S3's."""
    name = _name(text)
    return bool(_AWS_HOST.fullmatch(name) or name == domain.lower() or host(text, domain)[0])


def _name(text: str) -> str:
    """The host without its port and the dot that may end it."""
    name, _, port = text.lower().rpartition(":")
    return (name if port.isdigit() else text.lower()).rstrip(".")


def _decoded(text: str) -> str:
    try:
        found = unquote(text, errors="strict") if "%" in text else text
    except UnicodeDecodeError as error:
        raise WireError("InvalidURI", "Couldn't parse the specified URI: it is not UTF-8.") from error
    if "\0" in found:
        raise WireError("InvalidURI", "Couldn't parse the specified URI: it has a NUL character.")
    return found


def operation(request: Request, at: Place) -> str:
    """The operation's name; `MethodNotAllowed` (405) or `InvalidArgument` where there is none, never another one."""
    if request.method == "OPTIONS" and at.bucket:
        return PREFLIGHT
    table, guarded = _table()
    names = request.arguments.keys() & guarded if request.query else frozenset[str]()
    level = "object" if at.key else "bucket" if at.bucket else "service"
    literals = frozenset(names & subresources())
    if request.query:
        _check_names(request, literals)
    candidates = table.get((request.method, level, literals))
    if not candidates:
        raise _refusal(request, level, literals)
    chosen = _best(request, candidates, literals)
    if chosen is None and not names and (request.method, level) == ("POST", "bucket"):
        return FORM
    if chosen is None and not names:
        raise _refusal(request, level, literals)
    if chosen is None or not names <= chosen.inputs | literals:
        raise WireError("InvalidArgument", f"These query parameters do not go together: {', '.join(sorted(names))}.")
    for name, value in chosen.values:
        if request.argument(name) != value:
            raise WireError("InvalidArgument", f"{name} must be {value}.")
    return chosen.name


def _check_names(request: Request, literals: frozenset[str]) -> None:
    """Refuses sub-resources that nobody knows (`?foo`; `?foo=bar` is a parameter like any other), and two at a time."""
    bare = {decoded(pair) for pair in request.query.split("&") if pair and "=" not in pair}
    if unknown := bare - _arguments():
        raise Unserved(f"Potager does not serve the sub-resource '?{min(unknown)[:100]}' of S3, nor does it know it.")
    alone = literals & _alone()
    if len(alone) > 1:
        text = f"Conflicting query string parameters: {', '.join(sorted(alone))}"
        fields = {"ArgumentName": "ResourceType", "ArgumentValue": min(alone)}
        raise WireError("InvalidArgument", text, fields=fields)


def _best(request: Request, candidates: tuple[_Candidate, ...], literals: frozenset[str]) -> _Candidate | None:
    for candidate in candidates:
        if candidate.satisfied(request):
            return candidate
    # `GET /b/k?attributes` without its required header: the operation is plain, what misses is validation's to say.
    return candidates[-1] if literals else None


def _refusal(request: Request, level: str, literals: frozenset[str]) -> Exception:
    what = "?" + "&".join(sorted(literals)) if literals else f"this {level}"
    message = f"The specified method is not allowed against this resource: {request.method} on {what}."
    return WireError("MethodNotAllowed", message, 405)


@cache
def subresources() -> frozenset[str]:
    """All names that stand in a requestUri's query."""
    uris = (model.operation("s3", name).http["requestUri"] for name in model.names("s3"))
    return frozenset(pair.partition("=")[0] for uri in uris for pair in uri.partition("?")[2].split("&") if pair)


@cache
def _arguments() -> frozenset[str]:
    """All names that an operation of S3 has in its query."""
    table, guarded = _table()
    return guarded.union(*(candidate.inputs for found in table.values() for candidate in found))


@cache
def _alone() -> frozenset[str]:
    """The sub-resources that no operation has beside another one."""
    table, _ = _table()
    together = frozenset(name for _, _, literals in table if len(literals) > 1 for name in literals)
    return subresources() - together


@cache
def _table() -> tuple[dict[tuple[str, str, frozenset[str]], tuple[_Candidate, ...]], frozenset[str]]:
    """Candidates by method, level and sub-resources, the most demanding first; and the names to be understood."""
    table: dict[tuple[str, str, frozenset[str]], list[_Candidate]] = {}
    guarded = set(subresources())
    for name in model.load("s3").operation_names:
        if name in errata.S3_NOT_ROUTED:
            continue
        http = model.operation("s3", name).http
        candidate = _candidate(name, http["requestUri"])
        guarded |= candidate.arguments - errata.S3_PLAIN_ARGUMENTS
        literals = frozenset(pair.partition("=")[0] for pair in http["requestUri"].partition("?")[2].split("&") if pair)
        level = "object" if "{Key+}" in http["requestUri"] else "bucket" if len(http["requestUri"]) > 1 else "service"
        table.setdefault((http["method"], level, literals), []).append(candidate)
    order = {key: tuple(sorted(found, key=_demands, reverse=True)) for key, found in table.items()}
    return order, frozenset(guarded)


def _demands(candidate: _Candidate) -> tuple[int, bool]:
    return len(candidate.arguments) + len(candidate.headers), not candidate.deprecated


def _candidate(name: str, uri: str) -> _Candidate:
    shape = model.operation("s3", name).input_shape
    where: dict[str, set[str]] = {"querystring": set(), "header": set(), "all": set()}
    for member_name, member in shape.members.items() if shape else ():
        location = member.serialization.get("location")
        wire_name = member.serialization.get("name", member_name)
        if location == "querystring":
            where["all"].add(wire_name)
        if shape and member_name in shape.required_members and location in where:
            where[str(location)].add(wire_name.lower() if location == "header" else wire_name)
    pairs = (pair.partition("=") for pair in uri.partition("?")[2].split("&") if pair)
    return _Candidate(
        name,
        frozenset(where["querystring"]),
        frozenset(where["header"]),
        tuple((key, value) for key, _, value in pairs if value),
        frozenset(where["all"]),
        bool(model.operation("s3", name).deprecated),
    )
