"""How true probabilities are: log loss, Brier score, calibration.

Calibration compares, in ten bins of equal width, the mean probability with the share that came true; its expected
error is the mean distance of the two (Naeini et al., 2015). A binary model is judged by the probability of its second
class, a multiclass one by that of the class it named (Guo et al., 2017).
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats, Ints
from potager.images.evaluation.scored import blocks, summed

BINS = 10


def log_loss(scores: Floats, codes: Ints, weights: Float64) -> float:
    """Mean of minus the logarithm of the true class's probability, in nats; clipped by the type's rounding."""
    own = own_scores(scores, codes)
    least = float(np.finfo(scores.dtype).eps)
    return -float(weights @ np.log(np.clip(own, least, 1 - least))) / float(weights.sum())


def brier(scores: Floats, codes: Ints, weights: Float64) -> float:
    """Mean squared distance of probabilities and truth: of the second class, or summed over all of several."""
    total = float(weights.sum())
    own = own_scores(scores, codes)
    if scores.ndim == 1:
        return float(weights @ (1 - own) ** 2) / total
    squares = np.empty(len(scores))
    for rows in blocks(len(scores), int(scores.shape[1])):
        block = scores[rows].astype(np.float64)
        squares[rows] = np.einsum("ij,ij->i", block, block)
    return float(weights @ (squares - 2 * own + 1)) / total


def own_scores(scores: Floats, codes: Ints) -> Float64:
    """The probability that each row's true class was given, `(n_rows,)`."""
    if scores.ndim == 1:
        values = scores.astype(np.float64)
        return np.where(codes == 1, values, 1 - values)
    return scores[np.arange(len(scores)), codes].astype(np.float64)


def calibration(scores: Floats, codes: Ints, weights: Float64) -> dict[str, list[float]]:
    """Columns with a row for each bin that holds any: mean probability, share that came true, weight."""
    if scores.ndim == 1:
        belief, true = scores.astype(np.float64), codes == 1
    else:
        said = np.argmax(scores, axis=1)
        belief, true = scores[np.arange(len(scores)), said].astype(np.float64), codes == said
    bins = np.clip((belief * BINS).astype(np.int64), 0, BINS - 1)
    heavy = summed(bins, weights, BINS)
    held = heavy > 0
    return {
        "mean_probability": (summed(bins, weights * belief, BINS)[held] / heavy[held]).tolist(),
        "share_true": (summed(bins, weights * true, BINS)[held] / heavy[held]).tolist(),
        "weight": heavy[held].tolist(),
    }


def expected_calibration_error(bins: dict[str, list[float]]) -> float:
    """Mean distance of mean probability and share, by the weight of the bins."""
    belief, true, heavy = (np.array(bins[name]) for name in ("mean_probability", "share_true", "weight"))
    return float(heavy @ np.abs(belief - true)) / float(heavy.sum())
