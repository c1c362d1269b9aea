"""What a model makes of each feature: how much the trees gained by it, or how far it moves a linear model's score.

It says what the model uses, not what causes the label; of features that tell the same, one may have all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float64

SHOWN = 100

WORDS = {
    "gain": "How much splitting by the feature lessened the loss, over all trees, as a share.",
    "prediction change": "How much the answer changes in the mean when the feature does, as a share.",
    "weight x deviation": "How far one standard deviation of the feature moves the score, as a share.",
}
"""What each kind of importance says."""


def importance(values: Float64, of: str) -> dict[str, Any] | None:
    """The features that count most, the first `SHOWN`, with their shares of the whole; None where none counts.

    Parameters
    ----------
    values : at least 0, `(n_features,)`. of : one of `WORDS`.
    """
    total = float(values.sum())
    if not total > 0 or not np.isfinite(total):
        return None
    order = np.argsort(-values, kind="stable")[:SHOWN]
    order = order[values[order] > 0]
    return {
        "of": of,
        "words": WORDS[of],
        "feature": order.tolist(),
        "value": (values[order] / total).tolist(),
    }
