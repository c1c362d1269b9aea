"""One asynchronous request's way: its input is read, a model asked, and what it says is stored."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from potager.compute import frames
from potager.compute.faults import ModelError, WorkerHung, WorkerLost
from potager.deploy.asynchronous.notices import Outcome
from potager.deploy.router import Route
from potager.kernel import uris
from potager.kernel.errors import Damaged, Fault, Invalid, LimitReached, NotFound, Unserved, WireError
from potager.kernel.prediction import Query
from potager.store import sealing
from potager.store.objects import Objects
from potager.store.rows import Row
from potager.store.sealing import Wish

MADE_BY = "_async"
"""Member of an object's document: the request that made it. S3 does not show it."""

MAX_INPUT = frames.MAX - 64 * 1024
"""Bytes of an input: what a worker's channel takes, less what stands before a body."""


class Later(Exception):
    """Nothing is wrong with the request: it cannot be answered now.

    counted : whether it may be its own fault, so that it is not tried for ever.
    """

    def __init__(self, reason: str, *, counted: bool) -> None:
        super().__init__(reason)
        self.counted = counted


class Failed(Exception):
    """The request has no answer. `said` : what the model said of it, "" where it was not asked."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said


async def found(objects: Objects, row: Row) -> Outcome | None:
    """What an earlier server stored for a request, None where it did not come to that."""
    for place, reason in (("output", ""), ("failure", "The request failed.")):
        uri = row.doc[place]
        try:
            entry = await objects.head(*uris.s3(uri)) if uri else None
        except NotFound:
            continue
        if entry is not None and entry.doc.get(MADE_BY) == row.name:
            return Outcome(uri, entry.doc.get("ContentType", ""), reason=reason)
    return None


async def answer(objects: Objects, route: Route, row: Row) -> Outcome:
    """Asks a model and stores its answer.

    Raises
    ------
    Later : no instance could take it, or the one that had it died. Failed : there is no answer.
    """
    doc = row.doc
    query = await _query(objects, doc)
    try:
        said, _ = await route.invoke(query, doc["timeout"])
    except WorkerHung as error:
        raise Failed(
            f"ClientError: The model did not answer within {doc['timeout']} seconds, the request's "
            "InvocationTimeoutSeconds."
        ) from error
    except WorkerLost as error:
        raise Later(f"ClientError: {error.message}", counted=True) from error
    except ModelError as error:
        status = int(error.fields["OriginalStatusCode"])
        side = "client" if 400 <= status < 500 else "server"
        raise Failed(
            f"ClientError: Received {side} error ({status}) from model. See the SageMaker Endpoint logs in your "
            "account for more information.",
            str(error.fields["OriginalMessage"]),
        ) from error
    except WireError as error:
        if error.status in (429, 503):
            raise Later(error.message, counted=False) from error
        raise Failed(f"ClientError: {error.message}") from error
    kind = said.content_type or "application/octet-stream"
    await _store(objects, row, doc["output"], said.body, kind)
    return Outcome(doc["output"], kind, said.body)


async def failed(objects: Objects, row: Row, failure: Failed) -> Outcome:
    """Stores why a request has no answer, where that was asked for."""
    place, said = row.doc["failure"], (failure.said or failure.reason).encode()
    if place is None:
        return Outcome(None, "text/plain", said, failure.reason)
    try:
        await _store(objects, row, place, said, "text/plain")
    except Failed as lost:
        return Outcome(None, "text/plain", said, f"{failure.reason} {lost.reason}")
    return Outcome(place, "text/plain", said, failure.reason)


async def _query(objects: Objects, doc: Mapping[str, Any]) -> Query:
    kind = doc["content_type"]
    if doc["body"] is not None:
        body = base64.b64decode(doc["body"])
    else:
        body, stored = await _input(objects, doc["input"])
        kind = kind or stored
    return Query(
        body,
        kind or "",
        doc["accept"] or "",
        attributes=doc["attributes"] or "",
        inference_id=doc["inference_id"],
    )


async def _input(objects: Objects, uri: str) -> tuple[bytes, str]:
    """An input object's bytes and content type; `Failed` where they cannot be had."""
    try:
        entry = await objects.head(*uris.s3(uri))
        if entry.size > MAX_INPUT:
            raise Failed(f"ClientError: {uri} has {entry.size} bytes; an input has {MAX_INPUT} at most. Send less.")
        body = b"".join([chunk async for chunk in objects.read(entry)])
    except (NotFound, Invalid, Unserved, Damaged) as fault:
        raise Failed(f"ClientError: The input {uri} cannot be read. {fault.message}") from fault
    return body, entry.doc.get("ContentType", "")


async def _store(objects: Objects, row: Row, uri: str, body: bytes, kind: str) -> None:
    """Makes an object of a request's answer, whole or not at all; `Later` while the disk is full."""
    key = row.doc["key"]
    wish = Wish(sealing.KMS, key=key) if key else None
    try:
        await objects.keep(*uris.s3(uri), body, content_type=kind, doc={MADE_BY: row.name}, wish=wish)
    except LimitReached as fault:
        raise Later(fault.message, counted=False) from fault
    except Fault as fault:
        raise Failed(f"ClientError: {uri} cannot be written. {fault.message}") from fault
