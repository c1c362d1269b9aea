"""What pipelines are compiled to answers as scikit-learn does, value for value, or is not used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from potager.images.compiled.choice import VARIABLE
from potager.images.scikit_learn import serve, steps
from potager.images.scikit_learn.compiled import Compiled
from potager.kernel.prediction import Query

RANDOM = np.random.default_rng(11)
NUMBERS = RANDOM.normal(size=(300, 3)) * [1, 100, 0.01] + [0, 50, 1]
KINDS = RANDOM.integers(0, 4, (300, 2))
ROWS = np.column_stack([NUMBERS, KINDS]).astype(np.float32)
AMOUNT = NUMBERS[:, 0] * 3 + KINDS[:, 0] - NUMBERS[:, 1] / 50
SIDE, WORD = (AMOUNT > 0).astype(int), np.array(["low", "mid", "high"])[np.digitize(AMOUNT, [-2, 2])]
COLOURS = np.array(["red", "green", "blue", "none"])
FRAME = pandas.DataFrame(NUMBERS, columns=["a", "b", "c"]).assign(d=COLOURS[KINDS[:, 0]], e=KINDS[:, 1])


def columns(encoder: Any = None, scaler: Any = None) -> ColumnTransformer:
    encoder = encoder or OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("n", scaler or StandardScaler(), [0, 1, 2]), ("k", encoder, [3, 4])])


MODELS: list[tuple[Any, Any]] = [
    (GradientBoostingClassifier(n_estimators=20), SIDE),
    (GradientBoostingClassifier(n_estimators=8), WORD),
    (GradientBoostingRegressor(n_estimators=20), AMOUNT),
    (RandomForestClassifier(n_estimators=12), WORD),
    (RandomForestRegressor(n_estimators=12), AMOUNT),
    (ExtraTreesClassifier(n_estimators=12), SIDE),
    (DecisionTreeClassifier(), SIDE),
    (DecisionTreeRegressor(), AMOUNT),
    (HistGradientBoostingClassifier(max_iter=8), WORD),
    (HistGradientBoostingClassifier(max_iter=8), SIDE),
    (HistGradientBoostingRegressor(max_iter=8), AMOUNT),
    (LogisticRegression(), SIDE),
    (LogisticRegression(), WORD),
    (LinearRegression(), AMOUNT),
    (Ridge(), AMOUNT),
]


def agrees(model: Any, quick: Compiled, rows: Any) -> None:
    wanted = model.predict(rows)
    for found in (quick.predict(rows), np.concatenate([quick.predict(rows[at : at + 1]) for at in range(len(rows))])):
        assert found is not None
        assert found.dtype == wanted.dtype
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        else:
            assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize(("estimator", "target"), MODELS, ids=lambda one: type(one).__name__)
def test_pipelines_with_categories_are_answered_as_scikit_learn_does(estimator: Any, target: Any) -> None:
    model = make_pipeline(columns(), estimator).fit(ROWS, target)
    quick = Compiled(model, "1.9")
    kind = "numpy" if "Li" in type(estimator).__name__ or "Logi" in type(estimator).__name__ else "ONNX Runtime"
    assert quick.why.startswith(f"served by {'numpy' if isinstance(estimator, Ridge) else kind} ")
    agrees(model, quick, ROWS[:40])
    agrees(model, quick, ROWS[:4].astype(np.float64))


@pytest.mark.parametrize(
    "before",
    [
        columns(OneHotEncoder(drop="first")),
        columns(OneHotEncoder(drop="if_binary", handle_unknown="ignore")),
        columns(OrdinalEncoder()),
        columns(OneHotEncoder(), MinMaxScaler()),
        columns(OneHotEncoder(), make_pipeline(SimpleImputer(), StandardScaler(with_mean=False))),
        ColumnTransformer([("k", OneHotEncoder(), [3])], remainder="passthrough"),
        ColumnTransformer([("k", "drop", [3]), ("n", "passthrough", slice(0, 2))]),
        StandardScaler(),
    ],
)
def test_transformers_are_done_again_to_the_last_bit(before: Any) -> None:
    model = make_pipeline(before, GradientBoostingClassifier(n_estimators=5)).fit(ROWS, SIDE)
    quick = Compiled(model, "1.9")
    assert "parity on 512 rows" in quick.why, quick.why
    agrees(model, quick, ROWS[:20])


def test_a_frame_of_the_columns_that_it_was_fitted_on_is_taken_by_their_names() -> None:
    chosen = ColumnTransformer([("n", StandardScaler(), ["a", "b", "c"]), ("k", OneHotEncoder(), ["d", "e"])])
    model = make_pipeline(chosen, GradientBoostingClassifier(n_estimators=10)).fit(FRAME, WORD)
    quick = Compiled(model, "1.9")
    assert quick.why.startswith("served by ONNX Runtime ")
    agrees(model, quick, FRAME[:30])
    assert quick.predict(ROWS[:1]) is None
    assert quick.predict(FRAME[["b", "a", "c", "d", "e"]][:1]) is None
    for odd in (
        FRAME[:1].assign(d="pink"),
        FRAME[:1].assign(d=None),
        FRAME[:1].assign(a="x"),
        FRAME[:1].assign(a=np.nan),
    ):
        assert quick.predict(odd) is None
    assert quick.predict(FRAME[:1].astype({"d": "category"})) is None


def test_odd_rows_are_for_scikit_learn_itself() -> None:
    quick = Compiled(make_pipeline(columns(OneHotEncoder()), DecisionTreeClassifier()).fit(ROWS, SIDE), "1.9")
    for at, value in ((0, np.nan), (0, np.inf), (3, 9), (4, np.nan)):
        row = ROWS[:1].copy()
        row[0, at] = value
        assert quick.predict(row) is None
    assert quick.predict(ROWS[:1, :4]) is None
    assert quick.predict(ROWS[:1].astype(object)) is None
    assert quick.predict(ROWS[0]) is None
    assert quick.predict(np.tile(ROWS, (1, 1))[:257]) is None
    assert quick.predict(ROWS[:1].tolist()) is None


class Mine(StandardScaler):
    """A step of the user's own."""


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "KNeighborsClassifier is not translated"),
        (make_pipeline(PolynomialFeatures(), LogisticRegression()), "PolynomialFeatures is not translated"),
        (make_pipeline(Mine(), LogisticRegression()), "Mine is not translated"),
        (make_pipeline(columns(OneHotEncoder(min_frequency=5)), LogisticRegression()), "infrequent categories"),
        (make_pipeline(MinMaxScaler(clip=True), LogisticRegression()), "MinMaxScaler with clip"),
        (GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()), "an init of its own"),
    ],
)
def test_what_is_not_known_is_served_by_scikit_learn_which_the_log_says(model: Any, why: str) -> None:
    quick = Compiled(model.fit(np.abs(ROWS), SIDE), "1.9")
    assert not quick
    assert quick.why.startswith("served by scikit-learn 1.9: ")
    assert why in quick.why
    assert quick.predict(ROWS[:1]) is None


def test_a_step_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    scaled = steps._MAKERS["StandardScaler"]

    def wrong(transformer: Any, places: Any) -> Any:
        made = scaled(transformer, places)
        return steps.Step(lambda rows: np.nextafter(made.apply(rows), 9), made.places)

    monkeypatch.setitem(steps._MAKERS, "StandardScaler", wrong)  # type: ignore[arg-type]
    quick = Compiled(make_pipeline(columns(), RandomForestClassifier(5)).fit(ROWS, SIDE), "1.9")
    assert "the transformers give other numbers" in quick.why
    assert not quick


def test_the_switch_is_for_scikit_learn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_pipeline(columns(), LogisticRegression()).fit(ROWS, SIDE)
    for value, said in (("off", "POTAGER_COMPILE is off"), ("onnx", "nothing that is wanted fits it")):
        monkeypatch.setenv(VARIABLE, value)
        quick = Compiled(model, "1.9")
        assert (bool(quick), quick.why.rpartition(": ")[2]) == (False, said)


@settings(max_examples=8, deadline=None)
@given(
    which=st.integers(0, len(MODELS) - 1),
    seed=st.integers(0, 999),
    cells=st.lists(st.floats(width=32), min_size=3, max_size=3),
    kinds=st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2, 3, 0.5])),
)
def test_drawn_models_answer_drawn_rows_alike(which: int, seed: int, cells: list[float], kinds: Any) -> None:
    estimator, target = MODELS[which]
    part = np.random.default_rng(seed).choice(len(ROWS), 60, replace=False)
    model = make_pipeline(columns(), estimator).fit(ROWS[part], target[part])
    rows = np.array([[*cells, *kinds], [*cells[::-1], 1, 1], *ROWS[part[:3]]], np.float32)
    quick = Compiled(model, "1.9")
    assert quick, quick.why
    found = quick.predict(rows)
    if found is None:
        assert not np.isfinite(rows).all() or np.abs(rows).max() > 1e30
        return
    wanted = model.predict(rows)
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    else:
        assert found.tolist() == wanted.tolist()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    model = make_pipeline(columns(OneHotEncoder()), GradientBoostingClassifier(n_estimators=10)).fit(ROWS, WORD)
    joblib.dump(model, tmp_path / "model" / "model.joblib")
    return tmp_path / "model"


def test_requests_are_answered_alike_together_and_alone_and_refused_in_scikit_learns_words(
    saved: Path, capfd: Any
) -> None:
    predictor = serve.load(saved)
    assert capfd.readouterr().out.splitlines()[1].startswith("served by ONNX Runtime ")
    bodies = [",".join(map(repr, row)).encode() for row in ROWS[:3].astype(float).tolist()]
    wanted = joblib.load(saved / "model.joblib").predict(ROWS[:3]).tolist()
    assert [json.loads(predictor.predict(body, "text/csv", "")[0])[0] for body in bodies] == wanted
    assert predictor.predict_many
    together = predictor.predict_many([Query(body, "text/csv") for body in bodies])
    assert [json.loads(one.body)[0] for one in together] == wanted
    for body, said in ((b"1,2,3,9,0", "unknown categories"), (b"1,2,3", "features"), (b"nan,2,3,1,0", "NaN")):
        with pytest.raises(Exception, match=said):
            predictor.predict(body, "text/csv", "")


def test_a_frame_of_a_scripts_own_input_fn_is_answered_by_the_program(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write(
        "import io, pandas\ndef input_fn(body, content_type):\n    return pandas.read_csv(io.StringIO(body))\n"
    )
    chosen = ColumnTransformer([("n", StandardScaler(), ["a", "b", "c"]), ("k", OneHotEncoder(), ["d", "e"])])
    kept = make_pipeline(chosen, RandomForestClassifier(5)).fit(FRAME, WORD)
    joblib.dump(kept, model / "model.joblib")
    predictor = serve.load(model)
    monkeypatch.setattr(serve, "predict", None)
    body = FRAME[:3].to_csv(index=False).encode()
    assert json.loads(predictor.predict(body, "text/csv", "")[0]) == kept.predict(FRAME[:3]).tolist()
    assert predictor.predict_many is None
