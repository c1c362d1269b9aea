"""The estimators of scikit-learn that can be done again: forests by ONNX Runtime, linear models by numpy.

Trees compare numbers of 32 bits with thresholds of 64, and so do the forests made of them here: no row comes out
elsewhere. Those of histograms compare 64 with 64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.compiled.choice import NotCompiled
from potager.images.compiled.engine import Engine
from potager.images.compiled.forest import Floats, Forest, Tree

MOST_NODES = 400_000
"""Of a forest: ONNX Runtime takes a second to read a million, and the endpoint waits."""

Function = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Made:
    """An estimator's program: of rows `(n, width)` as its pipeline gives them. `forest` is None where there is none."""

    kind: str
    make: Callable[[], tuple[str, Function]]
    forest: Forest | None = None


def made(estimator: Any) -> Made:
    """The estimator's program; `NotCompiled` says what cannot be."""
    name, own = type(estimator).__name__, type(estimator).__module__.startswith("sklearn.")
    if not own or (name not in _MAKERS and name not in _LINEAR):
        raise NotCompiled(f"{name} is not translated")
    if name in _LINEAR:
        return Made("numpy", lambda: (f"numpy {np.__version__}", _of_line(estimator)))
    return _MAKERS[name](estimator)


def _of_line(estimator: Any) -> Function:
    weights, bias = estimator.coef_.T, estimator.intercept_
    labels: Any = getattr(estimator, "classes_", None)

    def answer(rows: Any) -> Any:
        sums = rows @ weights + bias
        if labels is None:
            return sums
        if sums.ndim > 1 and sums.shape[1] == 1:
            sums = sums[:, 0]
        return labels[(sums > 0).astype(np.int64) if sums.ndim == 1 else sums.argmax(axis=1)]

    return answer


def _forest(estimator: Any, trees: Iterator[Tree], base: Any, after: Function, kind: Any = np.float32) -> Made:
    """kind : the type of number that the estimator compares with its thresholds."""
    forest = Forest.of(trees, int(estimator.n_features_in_), np.asarray(base, np.float64), inclusive=True)

    def make() -> tuple[str, Function]:
        engine = Engine(forest)

        def answer(rows: Any) -> Any:
            return after(engine(np.ascontiguousarray(rows, kind).astype(np.float64)))

        return engine.name, answer

    return Made("onnx", make, forest)


def _tree(tree: Any, values: Floats, target: int = 0) -> Tree:
    """A tree of scikit-learn's; a node that splits on nothing is a leaf."""
    return Tree(
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        tree.feature.astype(np.int64),
        tree.threshold,
        np.ones(len(values), np.uint8),
        values,
        target,
    )


def _sized(nodes: int) -> None:
    if nodes > MOST_NODES:
        raise NotCompiled(f"its trees have {nodes} nodes, more than {MOST_NODES}")


def _mean(estimator: Any) -> Made:
    """Trees that are averaged: numbers, or the shares of classes, of which the largest is answered."""
    parts = [one.tree_ for one in getattr(estimator, "estimators_", [estimator])]
    if estimator.n_outputs_ != 1:
        raise NotCompiled("several outputs are not translated")
    labels: Any = getattr(estimator, "classes_", None)
    many = 1 if labels is None else len(labels)
    _sized(sum(tree.node_count for tree in parts) * many)

    def trees() -> Iterator[Tree]:
        for tree in parts:
            values = tree.value[:, 0, :]
            if labels is not None:  # counts of rows before scikit-learn 1.3, shares since
                values = values / values.sum(axis=1, keepdims=True)
            for target in range(many):
                yield _tree(tree, values[:, target], target)

    def after(sums: Any) -> Any:
        return sums[:, 0] / len(parts) if labels is None else labels[(sums / len(parts)).argmax(axis=1)]

    return _forest(estimator, trees(), np.zeros(many), after)


def _boosted(estimator: Any) -> Made:
    stages, labels = estimator.estimators_, getattr(estimator, "classes_", None)
    _sized(sum(one.tree_.node_count for one in stages.ravel()))
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]
    if estimator.init_ != "zero" and type(estimator.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise NotCompiled("an init of its own is not translated")

    def trees() -> Iterator[Tree]:
        for stage in stages:
            for target, one in enumerate(stage):
                yield _tree(one.tree_, one.tree_.value[:, 0, 0] * estimator.learning_rate, target)

    def after(sums: Any) -> Any:
        if labels is None:
            return sums[:, 0]
        return labels[(sums[:, 0] >= 0).astype(np.int64) if sums.shape[1] == 1 else sums.argmax(axis=1)]

    return _forest(estimator, trees(), start, after)


def _histograms(estimator: Any) -> Made:
    stages, labels = estimator._predictors, getattr(estimator, "classes_", None)
    if getattr(estimator, "_preprocessor", None) is not None:
        raise NotCompiled("splits on categories are not translated")
    if labels is None and estimator.loss not in ("squared_error", "absolute_error", "quantile"):
        raise NotCompiled(f"the loss {estimator.loss} is not translated")
    nodes = [(target, one.nodes) for stage in stages for target, one in enumerate(stage)]
    _sized(sum(len(one) for _, one in nodes))

    def trees() -> Iterator[Tree]:
        for target, one in nodes:
            leaf: Any = one["is_leaf"].astype(bool)
            left: Any = np.where(leaf, -1, one["left"].astype(np.int64))
            right: Any = np.where(leaf, -1, one["right"].astype(np.int64))
            features: Any = one["feature_idx"].astype(np.int64)
            missing = np.ones(len(one), np.uint8)  # rows with something missing do not come here
            yield Tree(left, right, features, one["num_threshold"], missing, one["value"], target)

    def after(sums: Any) -> Any:
        if labels is None:
            return sums[:, 0]
        return labels[(sums[:, 0] > 0).astype(np.int64) if sums.shape[1] == 1 else sums.argmax(axis=1)]

    return _forest(estimator, trees(), estimator._baseline_prediction.ravel(), after, np.float64)


_LINEAR = frozenset(
    (
        *("ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "LinearRegression", "LinearSVC", "LinearSVR"),
        *("LogisticRegression", "LogisticRegressionCV", "Perceptron", "Ridge", "RidgeCV", "RidgeClassifier"),
        *("RidgeClassifierCV", "SGDClassifier", "SGDRegressor"),
    )
)
"""Estimators whose prediction is a weighted sum, or the class of the largest one."""

_MAKERS: Mapping[str, Callable[[Any], Made]] = {
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), _histograms),
    **dict.fromkeys(("GradientBoostingClassifier", "GradientBoostingRegressor"), _boosted),
    **dict.fromkeys(
        (
            "DecisionTreeClassifier",
            "DecisionTreeRegressor",
            "ExtraTreesClassifier",
            "ExtraTreesRegressor",
            "RandomForestClassifier",
            "RandomForestRegressor",
        ),
        _mean,
    ),
}
