"""What may go wrong in serving a user's script, by whose fault: the request's, the script's, or this machine's."""

from __future__ import annotations


class Refused(Exception):
    """A request that cannot be answered: 400 malformed, 406 no such answer, 415 no such input."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ScriptFailed(Exception):
    """A function of the user's raised; its traceback is in the log already.

    status : 500, or the `status_code` that the user's exception carries, as those of AWS's toolkit do.
    """

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class BrokenScript(Exception):
    """The user's script cannot be used; the message says what to mend."""


class BrokenModel(Exception):
    """The artifact holds no model that can be loaded without a `model_fn`."""


class NotInstalled(Exception):
    """A library that the image needs is not here; the message says how to install it."""
