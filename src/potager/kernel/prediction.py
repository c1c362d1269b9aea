"""One prediction: what is asked of a model, and what it answers. Travels from the server to a worker and back."""

from __future__ import annotations

from dataclasses import dataclass

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
SESSION = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION = "X-Amzn-SageMaker-Closed-Session-Id"
"""The headers by which AWS tells a container what was asked beside the body; it hears `ATTRIBUTES` and the last two."""


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
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    attributes: str = ""
    model: str = ""
    inference_id: str = ""
    session: str = ""
    container: str = ""

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
        }
        return {name: value for name, value in named.items() if value}

    @property
    def head(self) -> tuple[str, ...]:
        """What travels beside the body, in the order of the fields."""
        return self.content_type, self.accept, self.attributes, self.model, self.inference_id, self.session


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
