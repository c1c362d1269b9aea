"""What may go wrong, by whose fault: the user's (`ClientError`, `BadRequest`) or the file's (`BrokenModel`)."""

from __future__ import annotations


class ClientError(Exception):
    """A mistake of the user's in a training job: hyperparameters or data. Exit code 2."""


class BadRequest(ValueError):
    """An inference request that cannot be answered; the message names row, column and remedy.

    status : 400 malformed, 406 no such answer, 415 no such input.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class BrokenModel(ValueError):
    """A model folder that is incomplete or was not written by this image."""
