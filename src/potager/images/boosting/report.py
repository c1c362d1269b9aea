"""What a finished model comes to, on the rows that it learned from and on those that it did not."""

from __future__ import annotations

import numpy as np


def plain(value: float) -> str:
    """A metric's value as AWS's expressions read it: digits and a point, never an exponent."""
    return np.format_float_positional(value, unique=True, trim="0")
