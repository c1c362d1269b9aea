"""A booster's trees as a program for few rows at a time: what `Ensemble` asks before the booster itself.

    booster ─► its JSON ─► forest ─► ONNX Runtime ─► sums ─► link ─► scores      the booster answers: linear and vector
                      └► treelite ──► GTIL ─────────────────► scores             leaves, categories, large batches

Source: https://github.com/dmlc/xgboost/blob/master/doc/model.schema, and `src/objective` there for the links.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from potager.images.compiled import choice, parity
from potager.images.compiled.choice import Candidate, Choice, NotCompiled, Program
from potager.images.compiled.engine import Engine
from potager.images.compiled.forest import Floats, Forest, Tree

MOST_BYTES = 32 * 2**20
"""Of a model's JSON: reading 10 MB of it takes a third of a second, and the endpoint waits."""
MOST_VISITS = 12_000
"""Rows times trees that the program is faster at: the booster needs 165 us to begin, then 14 ns less a tree and row."""

_Link = Callable[[Floats], Floats]


def chosen(boosters: Sequence[tuple[Any, int]], native: Program, version: str) -> tuple[Choice, int]:
    """What serves these boosters, whose mean `native` gives, and how many rows at once it is faster for.

    boosters : each with the rounds of it that count, 0 for all.
    """
    models: list[_Model] = []

    def read() -> list[_Model]:
        if not models:
            models.extend(_Model(*one) for one in boosters)
        return models

    def onnx() -> tuple[str, Program]:
        engines = [Engine(one.forest) for one in read()]
        return engines[0].name, _mean([_linked(*pair) for pair in zip(engines, models, strict=True)])

    def gtil() -> tuple[str, Program]:
        treelite: Any = importlib.import_module("treelite")
        return f"treelite {treelite.__version__} GTIL", _mean([_gtil(treelite, one) for one in read()])

    def rows() -> Floats:
        return parity.rows([one.forest for one in read()])

    made = choice.choose(f"XGBoost {version}", [Candidate("onnx", onnx), Candidate("gtil", gtil)], native, rows)
    return made, MOST_VISITS // max(1, sum(one.trees for one in models))


def _linked(engine: Engine, model: _Model) -> Program:
    return lambda rows: model.link(engine(rows))


def _mean(parts: Sequence[Program]) -> Program:
    if len(parts) == 1:
        return parts[0]
    return lambda rows: np.asarray(np.mean([part(rows) for part in parts], axis=0), np.float32)


class _Model:
    """A booster, read; `NotCompiled` for one that is more than trees of numbers."""

    def __init__(self, booster: Any, rounds: int) -> None:
        if rounds:
            booster = booster[: min(rounds, booster.num_boosted_rounds())]
        self.content = bytes(booster.save_raw("json"))
        if len(self.content) > MOST_BYTES:
            raise NotCompiled(f"the model has {len(self.content) >> 20} MiB of JSON, more than {MOST_BYTES >> 20}")
        learner: Any = json.loads(self.content)["learner"]
        objective, shape = learner["objective"]["name"], learner["learner_model_param"]
        if objective not in _LINKS:
            raise NotCompiled(f"the objective {objective} is not translated")
        base_of, self.link = _LINKS[objective]
        groups = max(1, int(shape["num_class"]), int(shape.get("num_target", 1)))
        given = np.array(str(shape["base_score"]).strip("[]").split(","), np.float32)
        base = np.array(np.broadcast_to(base_of(given), groups), np.float32)
        trees = list(_trees(learner["gradient_booster"]))
        self.trees = len(trees)
        self.forest = Forest.of(trees, int(shape["num_feature"]), base, inclusive=False)


def _trees(booster: Any) -> Iterator[Tree]:
    if booster["name"] not in ("gbtree", "dart"):
        raise NotCompiled(f"the booster is {booster['name']}")
    model = (booster["gbtree"] if booster["name"] == "dart" else booster)["model"]
    weights = booster.get("weight_drop") or [1] * len(model["trees"])
    for tree, target, weight in zip(model["trees"], model["tree_info"], weights, strict=True):
        yield _tree(tree, int(target), weight)


def _tree(tree: Any, target: int, weight: float) -> Tree:
    if any(tree.get("split_type", ())):
        raise NotCompiled("it splits on categories")
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise NotCompiled("its leaves are vectors")
    conditions = np.array(tree["split_conditions"], np.float32)
    return Tree(
        np.array(tree["left_children"], np.int64),
        np.array(tree["right_children"], np.int64),
        np.array(tree["split_indices"], np.int64),
        conditions,
        np.array(tree["default_left"], np.uint8),
        conditions * np.float32(weight),
        target,
    )


def _gtil(treelite: Any, model: _Model) -> Program:
    read = treelite.frontend.from_xgboost_json(model.content)

    def scores(rows: Floats) -> Floats:
        found = np.asarray(treelite.gtil.predict(read, rows, nthread=1), np.float32).reshape(len(rows), -1)
        return _class(found) if model.link is _class else _flat(found)

    return scores


def _flat(sums: Floats) -> Floats:
    return sums[:, 0] if sums.shape[1] == 1 else sums


def _sigmoid(sums: Floats) -> Floats:
    """As XGBoost has it, in float32 and kept from overflowing."""
    one = np.float32(1)
    return one / (np.exp(np.minimum(-_flat(sums), np.float32(88.7))) + one + np.float32(1e-16))


def _softmax(sums: Floats) -> Floats:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _class(sums: Floats) -> Floats:
    return sums.argmax(axis=1).astype(np.float32)


def _side(sums: Floats) -> Floats:
    return (_flat(sums) > 0).astype(np.float32)


def _power(sums: Floats) -> Floats:
    return np.exp(_flat(sums))


def _same(values: Floats) -> Floats:
    return values


def _logit(values: Floats) -> Floats:
    return -np.log(np.float32(1) / values - np.float32(1))


_LINKS: Mapping[str, tuple[_Link, _Link]] = {
    **dict.fromkeys(("binary:logistic", "reg:logistic"), (_logit, _sigmoid)),
    "binary:logitraw": (_same, _flat),
    "binary:hinge": (_same, _side),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"), (np.log, _power)),
    "multi:softprob": (_same, _softmax),
    "multi:softmax": (_same, _class),
    **dict.fromkeys(
        (
            "rank:map",
            "rank:ndcg",
            "rank:pairwise",
            "reg:absoluteerror",
            "reg:linear",
            "reg:pseudohubererror",
            "reg:quantileerror",
            "reg:squarederror",
            "reg:squaredlogerror",
        ),
        (_same, _flat),
    ),
}
"""An objective, to what makes a margin of its base score and a score of a margin."""
