"""What can go wrong, in the house's own words.

Rooms raise these; a service maps each to the codes of its own wire in one table (`potager.wire.service`). A message
names the resource, the value and the remedy. Where a room knows the very code that AWS answers, it raises `WireError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Fault(Exception):
    """Something that a caller is told about; `message` is what they read."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class NotFound(Fault):
    """The resource named is not there."""


class Exists(Fault):
    """A resource of that name is there already."""


class InUse(Fault):
    """The resource cannot change now, because something uses it or it is not in a state for that."""


class LimitReached(Fault):
    """A quota, a size or the disk is exhausted."""


class Invalid(Fault):
    """The request breaks a rule of the model or of the resource."""


class Denied(Fault):
    """The caller is known and may not do this."""


class Unserved(Fault):
    """The operation exists in AWS's model and Potager does not serve it (501)."""


class Stale(Fault):
    """A compare-and-swap lost: the row changed since it was read."""


class Unavailable(Fault):
    """Something that the server needs does not answer now; nothing was done, and the same may succeed later (503)."""


class Damaged(Fault):
    """What the server kept does not read as it was written; a person must look (500)."""


class WireError(Fault):
    """An error whose wire code is known where it is raised.

    Parameters
    ----------
    code : the error code as AWS spells it, such as `NoSuchKey`.
    message : what the caller reads.
    status : the HTTP status; an error shape of the model that fixes another one wins.
    fields : further members of the error, by their names in the model (`BucketName`, `OriginalStatusCode`, ...).
    headers : further response headers.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int = 400,
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.fields: dict[str, Any] = dict(fields or {})
        self.headers: dict[str, str] = dict(headers or {})
