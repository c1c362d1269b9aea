"""What ends a transform job, or one of its objects, badly. The text is the whole FailureReason."""

from __future__ import annotations

from potager.kernel.errors import Fault

MAX_REASON = 1024
"""Characters of a FailureReason."""


class BadObject(Fault):
    """One input object cannot be transformed; the job goes on with the others, and has failed in the end."""


class Broken(Fault):
    """Nothing more can be transformed: the model does not load or fails, the output has no bucket, the disk is full."""


class BadRecord(ValueError):
    """One record is at fault.

    index : its place in its batch, from 0; None when it is the whole batch.
    """

    def __init__(self, index: int | None, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message
