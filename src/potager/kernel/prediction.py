"""One prediction: what is asked of a model, and what it answers. Travels from the server to a worker and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"
TRACE = "traceparent"
CLOSED_SESSION = "X-Amzn-SageMaker-Closed-Session-Id"
"""The headers that tell a container what was asked beside the body; the server hears `ATTRIBUTES` and the sessions'."""


@dataclass(frozen=True, slots=True)
class Query:
    """A request, as the client sent it.

    Parameters
    ----------
    content_type, accept : media types; "" where the client does not say.
    attributes : CustomAttributes, which the model may read and answer; in ASCII, of one line.
    model : TargetModel, of a container that serves many.
    inference_id : InferenceId, by which the client will know this prediction again.
    session : SessionId.
    container : TargetContainerHostname, of an endpoint that has several; says who is asked, and does not travel.
    trace : the span that it belongs to, as W3C's `traceparent`; "" where requests are not traced.
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    attributes: str = ""
    model: str = ""
    inference_id: str = ""
    session: str = ""
    container: str = ""
    trace: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What a container of AWS's finds as HTTP headers."""
        named = {
            "Content-Type": self.content_type,
            "Accept": self.accept,
            ATTRIBUTES: self.attributes,
            TARGET_MODEL: self.model,
            INFERENCE_ID: self.inference_id,
            SESSION: self.session,
            TRACE: self.trace,
        }
        return {name: value for name, value in named.items() if value}

    @property
    def head(self) -> tuple[str, ...]:
        """What travels beside the body; `received` reads it back."""
        return self.content_type, self.accept, self.attributes, self.model, self.inference_id, self.session, self.trace


def received(head: Sequence[str], body: bytes) -> Query:
    """The query whose `Query.head` came with a body; fields that it does not know are passed over."""
    fields = (*head[:7], *[""] * (7 - len(head)))
    return Query(body, *fields[:6], trace=fields[6])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answers beside its body, "" where it says nothing.

    Parameters
    ----------
    session : of a session that it opened, `<id>; Expires=<when>`. closed : the id of one that it closed.
    """

    body: bytes
    content_type: str = ""
    attributes: str = ""
    session: str = ""
    closed: str = ""

    @property
    def head(self) -> tuple[str, ...]:
        """All but the body, in the order of the fields."""
        return self.content_type, self.attributes, self.session, self.closed
