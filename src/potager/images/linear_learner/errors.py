"""What may go wrong, by whose fault: the user's (`ClientError`, `BadRequest`) or the file's (`BrokenModel`)."""

from __future__ import annotations


class ClientError(Exception):
    """A mistake of the user's in a training job: hyperparameters or data. Exit code 2."""


class BadRequest(ValueError):
    """An inference request that cannot be answered; the message names row, column and remedy."""


class BrokenModel(ValueError):
    """A model folder that is incomplete or was not written by this image."""
