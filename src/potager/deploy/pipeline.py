"""The containers of an instance asked for one answer.

    Serial   body, ContentType ─► first ─► its body and content type ─► second ─► ... ─► last ─► answer
    Direct   the one whose ContainerHostname the request names

The client's Accept is for the last container: the others hear none, and answer what their
SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, or else their program, says. All have the time of one request together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Protocol, TypeVar

from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query


class Container(Protocol):
    """What answers for one container."""

    @property
    def name(self) -> str:
        """Its ContainerHostname."""
        ...

    @property
    def many(self) -> bool:
        """Whether it serves many models, and a request says which (TargetModel)."""
        ...

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """Its answer, within `timeout` seconds."""
        ...


C = TypeVar("C", bound=Container)


async def answered(containers: Sequence[Container], query: Query, timeout: float) -> Answer:
    """The answer of the last container; an error of one before it is the answer."""
    asked, left = await prepared(containers, query, timeout)
    return await containers[-1].invoke(asked, left)


async def prepared(containers: Sequence[Container], query: Query, timeout: float) -> tuple[Query, float]:
    """What the last container is asked once the others have answered, and the seconds that it has."""
    if query.container:
        raise WireError(
            "ValidationError",
            f"TargetContainerHostname is '{query.container}', but the endpoint's containers are not invoked directly. "
            "Leave it out, or serve a model whose InferenceExecutionConfig.Mode is Direct.",
        )
    until, asked = monotonic() + timeout, query
    for container in containers[:-1]:
        model = query.model if container.many else ""
        answer = await container.invoke(replace(asked, accept="", model=model), max(until - monotonic(), 0.001))
        asked = replace(asked, body=answer.body, content_type=answer.content_type)
    model = query.model if containers[-1].many else ""
    return replace(asked, accept=query.accept, model=model), max(until - monotonic(), 0.001)


def target(containers: Sequence[C], query: Query) -> C:
    """The container that a request names; AWS's `ValidationError` where it names none, or one that is not there."""
    known = ", ".join(container.name for container in containers)
    if not query.container:
        raise WireError(
            "ValidationError",
            f"The endpoint's containers are invoked directly: TargetContainerHostname must name one of {known}.",
        )
    for container in containers:
        if container.name == query.container:
            return container
    raise WireError(
        "ValidationError",
        f"TargetContainerHostname '{query.container}' is no container of the endpoint. Its containers: {known}.",
    )
