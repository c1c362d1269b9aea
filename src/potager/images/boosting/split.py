"""Rows to validate on, where the job brings none: a fifth of the train table, drawn with a fixed seed.

Every class keeps a row to train on. Source of the share: the pages named in the package's docstring.
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float64, Ints
from potager.images.algorithm.errors import ClientError

SHARE = 0.2
_SEED = 0


def split(codes: Float64, classes: int, channel: str) -> tuple[Ints, Ints]:
    """The rows to train on and the rows to validate on, each in the table's order.

    Parameters
    ----------
    codes : `(n_rows,)`, the class of each row; of a regression (`classes` 0) the labels.
    """
    rows = len(codes)
    if rows < 2 + classes:
        raise ClientError(
            f"Channel '{channel}' has {rows} rows, too few to hold {SHARE:.0%} of them back for validation. "
            "Add rows, or a validation channel."
        )
    order = np.random.default_rng(_SEED).permutation(rows)
    kept = np.unique(codes[order], return_index=True)[1] if classes else np.zeros(1, np.int64)
    free = np.delete(order, kept)
    held = free[: max(1, round(rows * SHARE))]
    mask = np.ones(rows, np.bool_)
    mask[held] = False
    return np.flatnonzero(mask), np.flatnonzero(~mask)
