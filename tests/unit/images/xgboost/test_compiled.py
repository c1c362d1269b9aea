"""What boosters are compiled to answers as they do, or is not used: by objective, and for models and rows as drawn."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from potager.images.compiled import parity
from potager.images.compiled.choice import VARIABLE
from potager.images.compiled.engine import Engine
from potager.images.python.errors import BrokenModel
from potager.images.xgboost.artifact import Ensemble
from potager.images.xgboost.serve import load
from potager.kernel.prediction import Query

RANDOM = np.random.default_rng(3)
ROWS = np.where(RANDOM.random((400, 4)) < 0.1, np.nan, RANDOM.normal(size=(400, 4))).astype(np.float32)
SIGNAL = np.nan_to_num(ROWS[:, 0] * 2 + ROWS[:, 1] ** 2)
PAIR = np.stack([SIGNAL, -SIGNAL], axis=1)
SIDES, CLASSES, AMOUNTS = (SIGNAL > 0.5).astype(int), np.digitize(SIGNAL, [0, 1]), np.abs(SIGNAL) + 0.1

OBJECTIVES: dict[str, Any] = {
    "reg:squarederror": SIGNAL,
    "reg:squaredlogerror": AMOUNTS,
    "reg:absoluteerror": SIGNAL,
    "reg:pseudohubererror": SIGNAL,
    "reg:logistic": SIDES,
    "binary:logistic": SIDES,
    "binary:logitraw": SIDES,
    "binary:hinge": SIDES,
    "multi:softprob": CLASSES,
    "multi:softmax": CLASSES,
    "rank:ndcg": CLASSES,
    "rank:pairwise": CLASSES,
    "count:poisson": AMOUNTS,
    "reg:gamma": AMOUNTS,
    "reg:tweedie": AMOUNTS,
}


def booster(objective: str = "binary:logistic", labels: Any = None, rounds: int = 12, **more: Any) -> xgboost.Booster:
    data = xgboost.DMatrix(ROWS, OBJECTIVES[objective] if labels is None else labels)
    if objective.startswith("rank:"):
        data.set_group([40] * 10)
    if objective.startswith("multi:"):
        more["num_class"] = 3
    return xgboost.train({"objective": objective, "max_depth": 4, "nthread": 1, "seed": 1} | more, data, rounds)


def compiled(*boosters: xgboost.Booster) -> tuple[Ensemble, str]:
    ensemble = Ensemble(boosters)
    return ensemble, ensemble.compile()


def agrees(one: xgboost.Booster, ensemble: Ensemble, rows: Any = ROWS[:64]) -> None:
    wanted = one.inplace_predict(rows)
    for found in (ensemble.compiled(rows), np.concatenate([ensemble.compiled(row[None]) for row in rows])):  # type: ignore[arg-type]
        assert found.dtype == wanted.dtype
        parity.compare(found, wanted)


@pytest.mark.parametrize("kind", ["onnx", "gtil"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_is_answered_as_the_booster_does(
    objective: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, kind)
    one = booster(objective)
    ensemble, why = compiled(one)
    assert why.startswith({"onnx": "served by ONNX Runtime ", "gtil": "served by treelite "}[kind])
    assert "parity on 512 rows, largest difference " in why
    agrees(one, ensemble)


@pytest.mark.parametrize("kind", ["onnx", "gtil"])
def test_dart_random_forests_stumps_and_several_targets_are_compiled_too(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, kind)
    for one in (
        booster(booster="dart", rate_drop=0.4),
        booster("multi:softprob", num_parallel_tree=3, subsample=0.5, rounds=3),
        booster("reg:squarederror", gamma=1e9),
        booster("reg:squarederror", PAIR),
    ):
        ensemble, why = compiled(one)
        assert "parity on" in why, why
        agrees(one, ensemble)


def categorical() -> xgboost.Booster:
    pandas: Any = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    frame[0] = pandas.Categorical(RANDOM.integers(0, 6, len(ROWS)))
    return xgboost.train({"nthread": 1}, xgboost.DMatrix(frame, SIGNAL, enable_categorical=True), 3)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: booster(booster="gblinear"), "the booster is gblinear"),
        (categorical, "it splits on categories"),
        (lambda: booster("reg:squarederror", multi_strategy="multi_output_tree", labels=PAIR, max_depth=2), "vectors"),
    ],
)
def test_what_cannot_be_translated_is_served_by_xgboost_which_the_log_says(make: Callable[[], Any], why: str) -> None:
    one = make()
    ensemble, said = compiled(one)
    assert said.startswith("served by XGBoost ")
    assert why in said
    assert ensemble.compiled(ROWS[:1]) is None


def test_rounds_after_the_best_one_do_not_count() -> None:
    one = booster("reg:squarederror", rounds=20)
    one.set_attr(best_iteration="3")
    ensemble, why = compiled(one)
    assert "ONNX Runtime" in why
    parity.compare(ensemble.predict(ROWS[:8]), one.inplace_predict(ROWS[:8], iteration_range=(0, 4)))


def test_folds_are_averaged_by_the_program_as_by_the_boosters() -> None:
    folds = [booster(seed=seed, subsample=0.5) for seed in range(3)]
    ensemble, why = compiled(*folds)
    assert "ONNX Runtime" in why
    wanted = np.mean([one.inplace_predict(ROWS[:8]) for one in folds], axis=0)
    np.testing.assert_allclose(ensemble.compiled(ROWS[:8]), wanted, rtol=1e-5)


def test_large_batches_sparse_rows_and_other_widths_are_for_the_booster() -> None:
    scipy: Any = pytest.importorskip("scipy.sparse")
    ensemble, _ = compiled(booster(rounds=100))
    assert ensemble.compiled(ROWS[:120]) is not None
    assert ensemble.compiled(ROWS[:121]) is None
    assert ensemble.compiled(ROWS[:1, :3]) is None
    assert ensemble.compiled(scipy.csr_matrix(np.nan_to_num(ROWS[:1]))) is None


def test_a_program_that_answers_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Engine.__call__
    monkeypatch.setattr(Engine, "__call__", lambda self, rows: answer(self, rows) + 0.001)
    ensemble, why = compiled(booster())
    assert why.startswith("served by treelite ")
    monkeypatch.setenv(VARIABLE, "onnx")
    ensemble, why = compiled(booster())
    assert why.startswith("served by XGBoost ")
    assert "answers differ, by" in why
    assert ensemble.compiled(ROWS[:1]) is None


def test_a_switch_and_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert compiled(booster())[1].endswith("POTAGER_COMPILE is off")
    monkeypatch.setenv(VARIABLE, "gpu")
    with pytest.raises(BrokenModel, match=r"POTAGER_COMPILE is 'gpu'\. Set it to one of auto, onnx, gtil, numpy, off"):
        compiled(booster())
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert compiled(booster())[1].startswith("served by treelite ")
    monkeypatch.setitem(sys.modules, "treelite", None)
    said = compiled(booster())[1]
    assert said.startswith("served by XGBoost ")
    assert "onnxruntime is not installed (pip install 'potager[fast]')" in said


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=25, deadline=None)
@given(
    objective=st.sampled_from(sorted(OBJECTIVES)),
    columns=st.integers(1, 3),
    depth=st.integers(1, 5),
    rounds=st.integers(1, 8),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_drawn_models_answer_drawn_rows_alike(
    objective: str, columns: int, depth: int, rounds: int, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    known = random.choice(np.array([0, 1, -1, 0.1, 1e-3, 1e30, np.nan], np.float32), size=(60, columns))
    labels = random.integers(0, 2, 60) + (0.5 if objective in ("reg:gamma",) else 0)
    matrix = xgboost.DMatrix(known, labels)
    more = {"num_class": 3} if objective.startswith("multi:") else {}
    one = xgboost.train({"objective": objective, "max_depth": depth, "nthread": 1, "eta": 1} | more, matrix, rounds)
    ensemble, why = compiled(one)
    cells = st.one_of(FLOATS, st.sampled_from(sorted(set(known[~np.isnan(known)].tolist()))))
    rows = data.draw(arrays.arrays(np.float32, (5, columns), elements=cells))
    found = ensemble.compiled(rows)
    assert found is not None or why.startswith("served by XGBoost ")
    if found is not None:
        wanted = one.inplace_predict(rows)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5 * max(1e-30, float(np.abs(wanted).max())))


def requests(rows: Any) -> list[bytes]:
    return [",".join(repr(float(cell)) for cell in row).replace("nan", "").encode() for row in rows]


def test_requests_that_are_answered_together_are_answered_as_each_by_itself(tmp_path: Path, capfd: Any) -> None:
    booster("multi:softprob").save_model(tmp_path / "xgboost-model.json")
    predictor = load(tmp_path)
    assert capfd.readouterr().out.splitlines()[1].startswith("served by ONNX Runtime ")
    assert predictor.predict_many
    bodies = [*requests(ROWS[:3]), b"\n".join(requests(ROWS[3:5]))]
    together = predictor.predict_many([Query(body, "text/csv", "application/json") for body in bodies])
    for body, answer in zip(bodies, together, strict=True):
        alone, kind = predictor.predict(body, "text/csv", "application/json")
        assert answer.content_type == kind
        found, wanted = (json.loads(text)["predictions"] for text in (answer.body, alone))
        assert [one["score"] for one in found] == [pytest.approx(one["score"], rel=1e-5) for one in wanted]
    with pytest.raises(Exception, match="have 5 columns"):
        predictor.predict_many([Query(bodies[0], "text/csv"), Query(b"1,2,3,4,5", "text/csv")])


@pytest.mark.parametrize("estimator", [False, True])
def test_a_scripts_booster_or_estimator_is_compiled_where_its_predict_fn_is_ours(
    write: Callable[..., Path], capfd: Any, estimator: bool
) -> None:
    model = write(
        "import os, pickle\n"
        "def model_fn(model_dir):\n"
        "    return pickle.load(open(os.path.join(model_dir, 'xgboost-model'), 'rb'))\n"
    )
    kept: Any = booster("reg:squarederror")
    if estimator:
        kept = xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(ROWS, SIDES)
    (model / "xgboost-model").write_bytes(pickle.dumps(kept))
    predictor = load(model)
    assert "served by ONNX Runtime" in capfd.readouterr().out
    one = kept.get_booster() if estimator else kept
    wanted = one.predict(xgboost.DMatrix(ROWS[:2]))
    found = json.loads(predictor.predict(b"\n".join(requests(ROWS[:2])), "text/csv", "")[0])
    assert found == pytest.approx(wanted.tolist(), rel=1e-5)
    with pytest.raises(Exception, match="inf"):
        predictor.predict(b"1,2,3,inf", "text/csv", "")


def test_a_scripts_own_predict_fn_gets_what_it_always_got(write: Callable[..., Path], capfd: Any) -> None:
    model = write("def predict_fn(data, model):\n    return [type(data).__name__, type(model).__name__]\n")
    booster().save_model(model / "xgboost-model.json")
    assert json.loads(load(model).predict(b"1,2,3,4", "text/csv", "")[0]) == ["DMatrix", "Booster"]
    assert "served by" not in capfd.readouterr().out


def test_few_rows_take_one_thread_and_many_take_more() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, rows[:, 0]), 2)
    ensemble = Ensemble([booster])

    def threads() -> int:
        return int(json.loads(booster.save_config())["learner"]["generic_param"]["nthread"])

    few = ensemble.predict(rows)
    assert threads() == 1
    many = ensemble.predict(np.tile(rows, (300, 1)))
    assert threads() == 0
    assert np.array_equal(few, many[:400])
    assert np.array_equal(ensemble.predict(rows[:1]), few[:1])
    assert threads() == 1
