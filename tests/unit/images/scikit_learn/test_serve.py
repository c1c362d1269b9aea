"""The scikit-learn image's defaults: the one model file, rows as scikit-learn wants them, whose fault an error is."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from potager.images.python.errors import BrokenModel, NotInstalled, Refused
from potager.images.scikit_learn import serve
from potager.images.scikit_learn.artifact import only


def fitted(features: int = 2) -> Any:
    rows = np.arange(20.0 * features).reshape(20, features) % 7
    return make_pipeline(StandardScaler(), LinearRegression()).fit(rows, rows.sum(axis=1))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    joblib.dump(fitted(), tmp_path / "model" / "model.joblib")
    return tmp_path / "model"


def test_the_only_model_of_an_artifact_needs_no_script(model: Path) -> None:
    answer, kind = serve.load(model).predict(b"1,2\n3,4\n", "text/csv", "application/json")
    assert json.loads(answer) == pytest.approx([3, 7])
    assert kind == "application/json"


def test_a_plain_pickle_will_do(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "model.pkl").write_bytes(pickle.dumps(fitted()))
    assert float(serve.load(tmp_path).predict(b"[[1, 2]]", "", "text/csv")[0]) == pytest.approx(3)


def test_one_row_is_one_row(model: Path) -> None:
    predictor = serve.load(model)
    for body, kind in ((b"1,2", "text/csv"), (b"[1, 2]", "application/json"), (b"[[1, 2]]", "application/json")):
        assert json.loads(predictor.predict(body, kind, "")[0]) == pytest.approx([3])


def test_one_dimension_is_a_column_where_the_model_has_one_feature() -> None:
    assert serve.rows(np.array([1.0, 2.0, 3.0]), 1).shape == (3, 1)
    assert serve.rows(np.array([1.0, 2.0, 3.0]), 3).shape == (1, 3)
    assert serve.rows(np.array(1.0), None).shape == (1, 1)
    assert serve.rows(["text"], None) == ["text"]


def test_rows_that_the_model_does_not_take_are_the_clients_fault_and_in_the_log(model: Path, capfd: Any) -> None:
    with pytest.raises(Refused, match="3 features") as refused:
        serve.load(model).predict(b"1,2,3\n4,5,6", "text/csv", "")
    assert refused.value.status == 400
    assert "3 features" in capfd.readouterr().err


def test_the_log_says_first_which_versions_are_used(model: Path, capfd: Any) -> None:
    serve.load(model)
    assert capfd.readouterr().out.startswith("scikit-learn ")


def test_none_or_several_models_ask_for_a_model_fn(model: Path) -> None:
    (model / "other.pkl").write_bytes(b"")
    with pytest.raises(BrokenModel, match=r"it holds model\.joblib, other\.pkl\. Write model_fn"):
        only(model)
    (model / "other.pkl").unlink()
    (model / "model.joblib").unlink()
    (model / "code").mkdir()
    (model / "code" / "encoder.pkl").write_bytes(b"")
    with pytest.raises(BrokenModel, match="it holds none"):
        only(model)


def test_a_file_that_cannot_be_opened_is_named(model: Path) -> None:
    (model / "model.joblib").write_bytes(b"no pickle")
    with pytest.raises(BrokenModel, match=r"model\.joblib cannot be loaded"):
        serve.load(model)


def test_without_scikit_learn_the_command_is_named_that_brings_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(NotInstalled, match=r"pip install 'potager\[sklearn\]'"):
        serve.load(model)
