"""How a worker can fail a request."""

from __future__ import annotations

from potager.compute import frames
from potager.kernel.errors import WireError


class ModelError(WireError):
    """The model answered with an error; AWS answers `ModelError`, 424, with the status of the container's answer."""

    def __init__(self, said: str, status: int) -> None:
        side = "client" if 400 <= status < 500 else "server"
        message = f'Received {side} error ({status}) from primary with message "{said}".'
        super().__init__("ModelError", message, 424, fields={"OriginalStatusCode": status, "OriginalMessage": said})


class WorkerLost(ModelError):
    """The worker was not there or died; `delivered` says whether the request may have reached it."""

    def __init__(self, said: str, *, delivered: bool = True) -> None:
        super().__init__(said, 500)
        self.delivered = delivered


class WorkerHung(ModelError):
    """The worker did not answer within the limit."""

    def __init__(self, timeout: float) -> None:
        super().__init__(f"The model did not answer within {timeout:g} seconds.", 500)


class Overrun(ModelError):
    """An answer that streams was not complete within its limit."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"The model did not end its stream within {limit:g} seconds.", 500)


def failure(payload: bytes) -> ModelError:
    """What a FAILURE frame says."""
    head, said = frames.parted(payload)
    return ModelError(said.decode("utf-8", "replace"), int(head[0]))
