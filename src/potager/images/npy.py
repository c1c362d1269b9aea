"""NPY, numpy's own format of an array. No pickle is read or written, and no archive of several arrays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"


def read(body: bytes) -> NDArray[Any]:
    """The array. `ValueError` where the bytes are none, or one of objects, or end too early."""
    if not body.startswith(_MAGIC):
        raise ValueError("it does not begin as an NPY does")
    try:
        return np.load(io.BytesIO(body), allow_pickle=False)
    except Exception as error:  # numpy evaluates the header as Python's own text, and raises whatever comes of that
        raise ValueError(str(error).partition("\n")[0] or type(error).__name__) from error


def table(body: bytes) -> NDArray[Any]:
    """The same as rows of numbers, of which one alone may have one dimension; `ValueError` where it is no table."""
    array = read(body)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or not array.size:
        raise ValueError(f"it holds {array.dtype} of the shape {array.shape}, and no table of numbers")
    return np.atleast_2d(array)


def write(array: Any) -> bytes:
    """The array's bytes; `ValueError` for one of objects."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
