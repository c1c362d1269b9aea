"""Whether a model fits: over, under or good, and the numbers that say so.

Skill is what a channel's figure is worth beside saying nothing: 0 for the baseline, 1 for perfection. Binary: twice
the ROC AUC less 1; multiclass: the share of the majority's mistakes that the model avoids; regression: R2.

    over    train's skill lies above validation's by more than 0.1, and by more than chance explains
    under   train's skill is below 0.1; or the best single feature does better; or the learning curve still falls
    good    neither

Without validation, test is asked; without both, only `under` can be told. Chance is two standard errors: Hanley and
McNeil (1982) for the ROC AUC, the binomial for accuracy, the mean's for squared errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

GAP, WEAK = 0.1, 0.1
_ROUNDS = 10  # of a learning curve, below which its shape says nothing
_WORSE, _FALLING = 0.1, 0.05  # of all that the curve gained

Curves = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Reached:
    """A channel's figure, and its skill with the standard error of that; `feature` is the best single feature's."""

    metric: str
    value: float
    skill: float
    error: float
    feature: float | None = None


def auc_error(area: float, positives: float, negatives: float) -> float:
    """Standard error of a ROC AUC (Hanley and McNeil, 1982)."""
    one, two = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (one - area**2) + (negatives - 1) * (two - area**2)
    return math.sqrt(max(variance, 0.0) / max(positives * negatives, 1.0))


def verdict(reached: Mapping[str, Reached], curves: Curves) -> dict[str, Any]:
    """`fit` (None where it cannot be told), `reason`, and the figures of the channels that it rests on."""
    train = reached.get("train")
    if train is None:
        return {"fit": None, "reason": "There is no figure of the train channel to judge by."}
    judge = next((name for name in ("validation", "test") if name in reached), None)
    fit, reason = _alone(train) if judge is None else _compared(train, reached[judge], judge)
    falls = _falling(curves) if fit == "good" else ""
    if falls:
        fit, reason = "under", falls
    return {
        "fit": fit,
        "reason": " ".join(filter(None, (reason, _worsening(curves)))),
        "metric": train.metric,
        "judged_by": judge,
        "skill": {name: reached[name].skill for name in ("train", judge or "") if name in reached},
    }


def _alone(train: Reached) -> tuple[str | None, str]:
    if train.skill < WEAK:
        return "under", _weak(train)
    return None, (
        f"On train {train.metric} is {train.value:.3f}. Whether that holds elsewhere cannot be told: give the job a "
        "validation channel."
    )


def _compared(train: Reached, held: Reached, name: str) -> tuple[str, str]:
    gap, noise = train.skill - held.skill, 2 * math.hypot(train.error, held.error)
    both = f"{train.metric} is {train.value:.3f} on train and {held.value:.3f} on {name}"
    if gap > max(GAP, noise):
        more = f"a gap in skill of {gap:.2f}, where {GAP:g} is tolerated and chance explains {noise:.2f}"
        return "over", f"{both}: {more}. Use more rows, fewer features or more regularisation, or stop earlier."
    if train.skill < WEAK:
        return "under", _weak(train)
    if held.feature is not None and held.skill + max(0.02, noise) < held.feature:
        return "under", (
            f"On {name} the model's skill is {held.skill:.2f}, but the best single feature alone has "
            f"{held.feature:.2f}. Train longer, regularise less, or use a model that can follow the data."
        )
    return "good", f"{both}: a gap in skill of {gap:.2f}, within {max(GAP, noise):.2f}, and {_beats(held)}."


def _weak(train: Reached) -> str:
    return (
        f"On train itself {train.metric} is {train.value:.3f}, a skill of {train.skill:.2f} where the baseline has 0: "
        "the model is too simple, trained too briefly, or the features say little about the label."
    )


def _beats(held: Reached) -> str:
    single = "" if held.feature is None else f", the best single feature {held.feature:.2f}"
    return f"a skill of {held.skill:.2f} where the baseline has 0{single}"


def _series(curves: Curves, channel: str) -> tuple[str, np.ndarray] | None:
    """The first metric of a channel long enough to have a shape, as something that should fall."""
    for name, values in curves.get(channel, {}).items():
        series = np.asarray(values, np.float64)
        if len(series) >= _ROUNDS and np.isfinite(series).all():
            trend = np.asarray(curves.get("train", {}).get(name, values), np.float64)
            rising = trend[-1] > trend[0] if trend[-1] != trend[0] else series[-1] > series[0]
            return name, -series if rising else series
    return None


def _falling(curves: Curves) -> str:
    """Words about a loss that was still getting better when training ended; none where it was not."""
    for channel in ("validation", "train"):
        if (found := _series(curves, channel)) is not None:
            name, series = found
            gained, late = series[0] - series.min(), series[-max(2, len(series) // 10) - 1] - series[-1]
            if gained > 0 and late > _FALLING * gained and series[-1] <= series.min():
                return (
                    f"{channel} {name} was still getting better when training ended: {late / gained:.0%} of all that "
                    f"was gained in {len(series)} rounds came in the last tenth. Train longer."
                )
            return ""
    return ""


def _worsening(curves: Curves) -> str:
    """Words about a validation loss that rose again; none where it did not."""
    found = _series(curves, "validation")
    if found is None:
        return ""
    name, series = found
    best = int(np.argmin(series))
    gained, lost = series[0] - series[best], series[-1] - series[best]
    if lost <= _WORSE * max(gained, 1e-300) or lost <= 0:
        return ""
    return (
        f"validation {name} was at its best in round {best + 1} of {len(series)} and got worse by {lost:.3g} "
        "afterwards: later rounds only learn the training rows."
    )
