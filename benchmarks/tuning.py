"""Tuning: Bayesian search beside random search and Optuna's TPE, on functions whose best is known and on real training.

What is printed of each problem: the median of the regret at the end, as a part of random search's; how often each of
the others ends better than random search under the same seed; milliseconds a proposal. One trial at a time, and four
in parallel (the oldest ends first).
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.measure import say
from potager.train.tuning.search import Space, Trial, plan_of, propose

SEEDS = range(12)
FLOOR = 0.001
"""The least part of random search's regret that counts in the mean over problems."""

Values = Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """A loss over a space, the lower the better; `best` is the lowest that there is, None for the lowest found here."""

    name: str
    ranges: dict[str, Any]
    loss: Callable[[Values], float]
    best: float | None
    budget: int


def main() -> None:
    """Every problem, one trial at a time and four in parallel."""
    say(f"{len(SEEDS)} seeds; median regret as a part of random search's, seeds on which it is lower, ms a proposal")
    strategies = {"random": potager("Random"), "Potager": potager("Bayesian"), "Optuna TPE": tpe}
    for parallel in (1, 4):
        say(f"{parallel} at a time")
        ratios: dict[str, list[float]] = {name: [] for name in strategies}
        for problem in problems():
            ends = {name: lowest(problem, ask, parallel) for name, ask in strategies.items()}
            best = problem.best
            if best is None:
                best = min(min(losses) for losses, _ in ends.values())
            chance = ends.pop("random")[0]
            line = f"  {problem.name:24s} {problem.budget:3d} trials"
            for name, (losses, spent) in ends.items():
                ratio = (statistics.median(losses) - best) / (statistics.median(chance) - best)
                ratios[name].append(max(ratio, FLOOR))
                wins = sum(mine < its for mine, its in zip(losses, chance, strict=True))
                line += f"   {name} {ratio:5.3f} {wins:2d}/{len(SEEDS)} {spent * 1000:5.1f} ms"
            say(line)
        means = (
            f"{name} {math.exp(statistics.fmean(map(math.log, each))):.3f}" for name, each in ratios.items() if each
        )
        say(f"  geometric mean: {', '.join(means)}")


Ask = Callable[[Problem, int], Callable[[list[Trial]], dict[str, str]]]


def lowest(problem: Problem, strategy: Ask, parallel: int) -> tuple[list[float], float]:
    """The lowest loss after the budget for each seed, and the mean seconds of a proposal."""
    found: list[float] = []
    spent = 0.0
    for seed in SEEDS:
        ask = strategy(problem, seed)
        trials: list[Trial] = []
        for began in range(problem.budget):
            if began >= parallel:
                end(problem, trials, began - parallel)
            start = time.perf_counter()
            values = ask(trials)
            spent += time.perf_counter() - start
            trials.append(Trial(0, values))
        for index, trial in enumerate(trials):
            if trial.state == "running":
                end(problem, trials, index)
        found.append(min(trial.value for trial in trials if trial.value is not None))
    return found, spent / len(SEEDS) / problem.budget


def end(problem: Problem, trials: list[Trial], index: int) -> None:
    """Has a trial end with what the problem says of its values."""
    values = trials[index].values
    trials[index] = Trial(0, values, "done", problem.loss(values))


def potager(strategy: str) -> Ask:
    """A strategy of ours."""

    def begin(problem: Problem, seed: int) -> Callable[[list[Trial]], dict[str, str]]:
        plan = plan_of({"Strategy": strategy, "RandomSeed": seed}, [Space.of("", problem.ranges)], [False], "")

        def ask(trials: list[Trial]) -> dict[str, str]:
            proposal = propose(plan, trials)
            assert proposal is not None
            return dict(proposal.values)

        return ask

    return begin


def tpe(problem: Problem, seed: int) -> Callable[[list[Trial]], dict[str, str]]:
    """Optuna's tree-structured Parzen estimator, as it is set for parallel trials of related hyperparameters."""
    import warnings

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    sampler = optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)
    study = optuna.create_study(sampler=sampler)
    space = Space.of("", problem.ranges)
    running: list[tuple[int, Any]] = []

    def ask(trials: list[Trial]) -> dict[str, str]:
        for index, trial in list(running):
            if trials[index].state == "done":
                study.tell(trial, trials[index].value)
                running.remove((index, trial))
        trial = study.ask()
        running.append((len(trials), trial))
        values: dict[str, str] = {}
        for each in space.ranges:
            if hasattr(each, "values"):
                values[each.name] = trial.suggest_categorical(each.name, each.values)
            elif each.integer:
                values[each.name] = str(
                    trial.suggest_int(each.name, int(each.low), int(each.high), log=each.scaling == "Logarithmic")
                )
            else:
                values[each.name] = repr(
                    trial.suggest_float(each.name, each.low, each.high, log=each.scaling == "Logarithmic")
                )
        return values

    return ask


def continuous(names: str, low: float, high: float, scaling: str = "Linear") -> list[dict[str, str]]:
    """Continuous ranges of the wire with the same bounds."""
    return [
        {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling} for name in names.split()
    ]


def problems() -> list[Problem]:
    """Standard functions, a mixed one, and two of real data."""
    return [
        Problem(
            "Branin",
            {"ContinuousParameterRanges": [*continuous("x", -5, 10), *continuous("y", 0, 15)]},
            branin,
            0.397887,
            30,
        ),
        Problem("Hartmann 6", {"ContinuousParameterRanges": continuous("a b c d e f", 0, 1)}, hartmann, -3.32237, 50),
        Problem(
            "Ackley 4, logarithmic",
            {"ContinuousParameterRanges": continuous("a b c d", 1e-5, 1, "Logarithmic")},
            ackley,
            0,
            50,
        ),
        Problem(
            "mixed, categorical",
            {
                "ContinuousParameterRanges": continuous("rate", 1e-5, 1, "Logarithmic"),
                "IntegerParameterRanges": [{"Name": "layers", "MinValue": "1", "MaxValue": "8"}],
                "CategoricalParameterRanges": [
                    {"Name": "optimizer", "Values": ["adam", "sgd", "rmsprop", "adagrad"]},
                    {"Name": "activation", "Values": ["relu", "tanh", "gelu"]},
                ],
            },
            mixed,
            0,
            40,
        ),
        Problem(
            "XGBoost, breast cancer",
            {
                "ContinuousParameterRanges": [
                    *continuous("eta", 0.01, 0.5, "Logarithmic"),
                    *continuous("subsample colsample_bytree", 0.3, 1),
                    *continuous("lambda alpha", 1e-3, 100, "Logarithmic"),
                ],
                "IntegerParameterRanges": [
                    {"Name": "max_depth", "MinValue": "1", "MaxValue": "10"},
                    {"Name": "num_round", "MinValue": "5", "MaxValue": "100"},
                ],
            },
            boosted,
            None,
            30,
        ),
        Problem(
            "elastic net, diabetes",
            {
                "ContinuousParameterRanges": [
                    *continuous("alpha", 1e-5, 100, "Logarithmic"),
                    *continuous("l1_ratio", 0, 1),
                ],
                "IntegerParameterRanges": [{"Name": "degree", "MinValue": "1", "MaxValue": "3"}],
            },
            linear,
            None,
            25,
        ),
    ]


def branin(values: Values) -> float:
    """Three valleys of one depth."""
    x, y = float(values["x"]), float(values["y"])
    bowl = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return bowl * bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(values: Values) -> float:
    """Six numbers, six valleys."""
    steep = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    where = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
    point = [float(values[name]) for name in "abcdef"]
    return -sum(
        weight * math.exp(-sum(a * (x - p) ** 2 for a, x, p in zip(steepness, point, centre, strict=True)))
        for weight, steepness, centre in zip((1.0, 1.2, 3.0, 3.2), steep, where, strict=True)
    )


def ackley(values: Values) -> float:
    """Many small valleys in a large one, whose bottom is at 10^-3.2 in each number."""
    point = [2.0 * (math.log10(float(values[name])) + 3.2) for name in "abcd"]
    square = math.sqrt(sum(x * x for x in point) / len(point))
    waves = sum(math.cos(2 * math.pi * x) for x in point) / len(point)
    return -20 * math.exp(-0.2 * square) - math.exp(waves) + 20 + math.e


def mixed(values: Values) -> float:
    """A network's learning rate, depth and choices; each optimizer has a rate of its own."""
    best = {"adam": -3.0, "sgd": -1.0, "rmsprop": -3.5, "adagrad": -1.5}[values["optimizer"]]
    worth = {"adam": 0.0, "sgd": 0.15, "rmsprop": 0.1, "adagrad": 0.4}[values["optimizer"]]
    kind = {"relu": 0.1, "tanh": 0.3, "gelu": 0.0}[values["activation"]]
    rate = math.log10(float(values["rate"])) - best
    return 0.2 * rate * rate + 0.05 * (int(values["layers"]) - 5) ** 2 + worth + kind


@cache
def tables(name: str) -> Any:
    """The features and labels of a data set that scikit-learn ships, in training and validation parts."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return train_test_split(features, labels, test_size=0.4, random_state=0)


def boosted(values: Values) -> float:
    """Log loss on validation."""
    import xgboost

    train, test, wanted, answers = tables("breast_cancer")
    numbers = {name: float(value) for name, value in values.items() if name not in ("max_depth", "num_round")}
    settings = {
        **numbers,
        "max_depth": int(values["max_depth"]),
        "objective": "binary:logistic",
        "nthread": 1,
        "seed": 0,
    }
    model = xgboost.train(settings, xgboost.DMatrix(train, wanted), int(values["num_round"]))
    scores = model.predict(xgboost.DMatrix(test))
    return -statistics.fmean(
        math.log(max(1e-12, float(score if label else 1 - score))) for score, label in zip(scores, answers, strict=True)
    )


def linear(values: Values) -> float:
    """Root mean squared error on validation."""
    import warnings

    import numpy as np
    from sklearn.linear_model import ElasticNet
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    train, test, wanted, answers = tables("diabetes")
    model = make_pipeline(
        PolynomialFeatures(int(values["degree"]), include_bias=False, interaction_only=True),
        StandardScaler(),
        ElasticNet(alpha=float(values["alpha"]), l1_ratio=float(values["l1_ratio"]), max_iter=300),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, wanted)
    return float(np.sqrt(np.mean((model.predict(test) - answers) ** 2)))
