"""Bayesian search: a Gaussian process of the trials so far says where the next improvement is to be expected.

The first trials are spread evenly (`FIRST` and one for each hyperparameter); from then on the point of the highest
expected improvement comes next, found among points drawn everywhere and near the best, and refined. Trials that still
run are taken to come to what the process expects, so that those in parallel keep apart. A trial that failed counts as
the worst so far. Parents' trials count as the job's own, or, of other data (`TransferLearning`), standardised by
parent and less and less.

Sources: Snoek et al., "Practical Bayesian optimization" (2012); Ginsbourger et al., "Kriging is well-suited to
parallelize optimization" (2010); Ament et al., "Unexpected improvements to expected improvement" (2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from potager.train.tuning.search import draws
from potager.train.tuning.search.encoding import Encoding
from potager.train.tuning.search.process import Floats, Process, fitted
from potager.train.tuning.search.trials import Plan, Trial

FIRST = 3
MOST = 100
"""Trials that the process is made of: the best half and the latest."""
EVERYWHERE, NEAR, ROUNDS = 1000, 60, 4
"""Points drawn in the whole space, near each of the best, and how often those are refined."""
SAME = 0.001
"""Trials that are no further apart in any hyperparameter, as a part of its range, tell the same."""
FAR = 4.0
"""How far above the median a loss may count, in distances from there to the best tenth."""
DOUBT = 0.1
"""Variance of a value from other data, for each trial of the job's own and one more."""


def chosen(
    plan: Plan, trials: Sequence[Trial], space: int, number: int, seen: Iterable[draws.Point]
) -> dict[str, str] | None:
    """The values of the next trial of a space, of which `number` began before; not among those `seen`."""
    here, known = plan.spaces[space], set(seen)
    chance = draws.generator(plan.seed, space, number)
    stood = [(trial, here.places(trial.values)) for trial in trials if trial.space == space]
    placed = [(trial, places) for trial, places in stood if places is not None]
    ended = [(trial, places) for trial, places in placed if trial.state != "running"]
    ended = _kept(plan, ended)
    told = [trial for trial, _ in ended if _loss(plan, trial) is not None]
    if number < FIRST + len(here.ranges) and not any(trial.prior for trial in told):
        values = here.values(_spread(plan, space, number))
        return values if draws.point(here, values) not in known else draws.drawn(here, chance, known)
    if len(told) < 2:
        return draws.drawn(here, chance, known)
    dice = np.random.default_rng(chance.getrandbits(64))
    encoding = Encoding(here, sorted({trial.prior for trial in told} - {""}) if plan.transfer else ())
    process = _process(plan, encoding, ended, dice)
    running = [places for trial, places in placed if trial.state == "running"]
    if running:
        process = process.believing(encoding.columns(np.array(running)))
    starts = np.array([places for _, places in _leading(plan, ended)])
    for places in _ranked(process, starts, encoding, dice):
        values = here.values([float(place) for place in places])
        if draws.point(here, values) not in known:
            return values
    return draws.drawn(here, chance, known)


def _spread(plan: Plan, space: int, number: int) -> list[float]:
    """The point of that number in a sequence that fills the cube evenly (Roberts, 2018), begun where the seed says."""
    size = len(plan.spaces[space].ranges)
    golden = 2.0
    for _ in range(50):
        golden = (1.0 + golden) ** (1.0 / (size + 1))
    begin = draws.generator(plan.seed, space, -1)
    return [(begin.random() + number * golden ** -(each + 1)) % 1.0 for each in range(size)]


def _loss(plan: Plan, trial: Trial) -> float | None:
    """What a trial came to, the lower the better; None where it has no number to show."""
    if trial.value is None or not math.isfinite(trial.value):
        return None
    return -trial.value if plan.maximize[trial.space] else trial.value


Stood = tuple[Trial, list[float]]


def _leading(plan: Plan, ended: Sequence[Stood]) -> list[Stood]:
    """The five best, parents' among them."""
    told = [(loss, each) for each in ended if (loss := _loss(plan, each[0])) is not None]
    return [each for _, each in sorted(told, key=lambda pair: pair[0])[:5]]


def _process(plan: Plan, encoding: Encoding, ended: Sequence[Stood], dice: np.random.Generator) -> Process:
    losses = [_loss(plan, trial) for trial, _ in ended]
    values = np.empty(len(ended))
    parents = {trial.prior for trial, _ in ended} if plan.transfer else {""}
    for parent in parents:
        rows = [row for row, (trial, _) in enumerate(ended) if not plan.transfer or trial.prior == parent]
        values[rows] = _even(np.array([math.nan if losses[row] is None else losses[row] for row in rows], dtype=float))
    mine = sum(not trial.prior for trial, _ in ended)
    doubt = DOUBT * (1 + mine) if plan.transfer else 0.0
    extra = np.array([doubt if trial.prior else 0.0 for trial, _ in ended])
    origins = [trial.prior for trial, _ in ended]
    points = encoding.columns(np.array([places for _, places in ended]), origins)
    return fitted(points, values, extra, encoding.groups, dice)


def _kept(plan: Plan, ended: Sequence[Stood]) -> list[Stood]:
    """At most `MOST` trials: the latest half of them, and of the others the best."""
    if len(ended) <= MOST:
        return list(ended)
    latest = list(ended[-MOST // 2 :])
    earlier = sorted(ended[: -MOST // 2], key=lambda each: _or_worst(_loss(plan, each[0])))
    return [*earlier[: MOST - len(latest)], *latest]


def _or_worst(loss: float | None) -> float:
    return math.inf if loss is None else loss


def _even(losses: Floats) -> Floats:
    """Losses of mean 0 and variance 1, those far on the bad side drawn in; a failure is as bad as the worst."""
    told = losses[np.isfinite(losses)]
    if not len(told):
        return np.zeros(len(losses))
    losses = np.where(np.isfinite(losses), losses, told.max()) / max(1.0, float(np.abs(told).max()))
    above = np.maximum(0.0, losses - np.median(losses))
    width = float(np.median(losses) - np.quantile(losses, 0.1)) or float(
        np.median(above[above > 0] if above.any() else 1.0)
    )
    losses = losses - above + above / (1.0 + above / (FAR * width))
    spread = losses.std()
    return (losses - losses.mean()) / spread if spread > 0 else np.zeros(len(losses))


def _ranked(process: Process, starts: Floats, encoding: Encoding, dice: np.random.Generator) -> Floats:
    """Places by the improvement expected there, the highest first; those where a trial stands come last."""
    aim = float(process.predict(process.points)[0].min())
    size = len(encoding.ranges)
    found = np.vstack([dice.random((EVERYWHERE, size)), _near(starts, 0.1, dice), _near(starts, 0.02, dice)])
    gains = _gain(process, encoding.columns(found), aim)
    for turn in range(ROUNDS):
        top = np.argsort(-gains, kind="stable")[:8]
        tried = _near(found[top], 0.1 * 0.4**turn, dice)
        found = np.vstack([found[top], tried])
        gains = np.concatenate([gains[top], _gain(process, encoding.columns(tried), aim)])
    found = found[np.argsort(-gains, kind="stable")]
    columns = encoding.columns(found)
    nearest = np.min([np.abs(columns - point).max(1) for point in process.points], axis=0)
    return np.vstack([found[nearest >= SAME], found[nearest < SAME]])


def _near(starts: Floats, width: float, dice: np.random.Generator) -> Floats:
    """Points beside others: some of their places moved a little, now and then one anywhere."""
    near = np.repeat(starts, NEAR, 0)
    moved = dice.random(near.shape) < max(0.5, 1.0 / near.shape[1])
    near = np.where(moved, near + width * dice.standard_normal(near.shape), near)
    anywhere = dice.random(near.shape) < 0.5 / near.shape[1]
    return np.clip(np.where(anywhere, dice.random(near.shape), near), 0.0, 1.0)


def _gain(process: Process, at: Floats, aim: float) -> Floats:
    """The logarithm of the expected improvement on `aim`."""
    mean, deviation = process.predict(at)
    z = (aim - mean) / deviation
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    below = np.array([0.5 * math.erfc(-each / math.sqrt(2.0)) for each in z])
    near = np.log(np.maximum(density + z * below, 1e-300))
    far = -0.5 * z * z - 0.5 * math.log(2.0 * math.pi) - 2.0 * np.log(np.maximum(np.abs(z), 1.0))
    return np.log(deviation) + np.where(z < -5.0, far, near)
