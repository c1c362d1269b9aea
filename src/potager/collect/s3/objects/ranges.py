"""The bytes that a Range header asks for (RFC 9110, section 14.2). S3 serves one range; of several it takes none."""

from __future__ import annotations

import re

from potager.collect.s3.faults import fault

_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*")


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last; None where the header is to be passed over.

    `InvalidRange` where none of the bytes is there.

    >>> span("bytes=2-4", 10), span("bytes=-3", 10), span("bytes=8-100", 10), span("lines=1-2", 10)
    ((2, 5), (7, 10), (8, 10), None)
    """
    found = _RANGE.fullmatch(header) if header else None
    if not header or not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - _place(last)), size
    else:
        start, end = _place(first), min(size, _place(last) + 1) if last else size
        if last and _place(last) < start:
            return None
    if start >= size or start >= end:
        raise unsatisfiable(header, size)
    return start, end


def copied(header: str | None, size: int) -> tuple[int, int]:
    """As `span`, for the source of a part: the whole of it without a header, and every other form is refused."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header)
    if not found or "" in found.groups() or _place(found[1]) > _place(found[2]):
        text = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        raise fault("InvalidArgument", text + "zero-based offsets of the first and last bytes to copy")
    if _place(found[2]) >= size:
        text = f"Range specified is not valid for source object of size: {size}"
        raise fault("InvalidArgument", text, ArgumentName="x-amz-copy-source-range", ArgumentValue=header)
    return _place(found[1]), _place(found[2]) + 1


def _place(digits: str) -> int:
    """A byte's number; any that no object reaches is as good as another, and Python reads only so many digits."""
    return int(digits.lstrip("0")[:19] or "0")


def unsatisfiable(header: str, size: int) -> Exception:
    """The error for a range outside of the object."""
    headers = {"Content-Range": f"bytes */{size}"}
    return fault("InvalidRange", headers=headers, RangeRequested=header, ActualObjectSize=size)
