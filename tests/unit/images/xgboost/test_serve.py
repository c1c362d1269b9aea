"""XGBoost's models without a script, and scripts over its defaults, as AWS's container serves them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from potager.images.algorithm import recordio
from potager.images.python.errors import BrokenModel, Refused
from potager.images.xgboost.serve import load

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(200, 3)).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int)
CLASSES = np.digitize(ROWS[:, 0], [-0.5, 0.5])


def booster(labels: Any = LABELS, rounds: int = 5, **parameters: Any) -> xgboost.Booster:
    given = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1} | parameters
    return xgboost.train(given, xgboost.DMatrix(ROWS, labels), rounds)


def scores(one: xgboost.Booster, rows: Any = ROWS[:2]) -> Any:
    return one.predict(xgboost.DMatrix(rows))


def csv(rows: Any) -> bytes:
    return "\n".join(",".join(repr(float(cell)) for cell in row) for row in rows).encode()


@pytest.mark.parametrize("form", ["pickle", "estimator", "ubj", "json"])
def test_a_model_answers_in_whatever_form_it_was_saved(tmp_path: Path, form: str) -> None:
    one = booster()
    if form == "pickle":
        (tmp_path / "xgboost-model").write_bytes(pickle.dumps(one))
    elif form == "estimator":
        estimator = xgboost.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1).fit(ROWS, LABELS)
        one = estimator.get_booster()
        (tmp_path / "xgboost-model").write_bytes(pickle.dumps(estimator))
    else:
        (tmp_path / "xgboost-model").write_bytes(one.save_raw(form))
    body, kind = load(tmp_path).predict(csv(ROWS[:2]), "text/csv", "")
    assert kind == "text/csv"
    assert [float(cell) for cell in body.split(b",")] == pytest.approx(scores(one).tolist())


def test_every_format_that_aws_takes_says_the_same(tmp_path: Path) -> None:
    one = booster()
    one.save_model(tmp_path / "xgboost-model.json")
    predictor = load(tmp_path)
    wanted = pytest.approx(scores(one).tolist())
    libsvm = "\n".join("1 " + " ".join(f"{i}:{float(v)!r}" for i, v in enumerate(row)) for row in ROWS[:2])
    rows = ROWS[:2].astype(float).tolist()
    bodies = [
        (csv(ROWS[:2]), ""),
        (csv(ROWS[:2]).replace(b",", b";"), "text/csv; charset=utf-8"),
        (libsvm.encode(), "text/libsvm"),
        (libsvm.replace("1 0:", "0:").encode(), "text/x-libsvm"),
        (recordio.encode({"values": ROWS[:2]}, {}), "application/x-recordio-protobuf"),
        (json.dumps(rows).encode(), "application/json"),
        (json.dumps({"instances": [{"features": row} for row in rows]}).encode(), "application/json"),
    ]
    for body, kind in bodies:
        answer, _ = predictor.predict(body, kind, "application/json")
        assert [one["score"] for one in json.loads(answer)["predictions"]] == wanted, kind


def test_what_is_missing_is_missing_in_csv_json_and_libsvm(tmp_path: Path) -> None:
    one = booster()
    one.save_model(tmp_path / "xgboost-model.ubj")
    predictor = load(tmp_path)
    wanted = pytest.approx(float(scores(one, np.array([[np.nan, 0.5, np.nan]], np.float32))[0]))
    assert float(predictor.predict(b",0.5,", "text/csv", "")[0]) == wanted
    assert float(predictor.predict(b"1:0.5", "text/libsvm", "")[0]) == wanted
    assert float(predictor.predict(b",0.5", "text/csv", "")[0]) == wanted
    assert float(predictor.predict(b"[[null, 0.5, null]]", "application/json", "text/csv")[0]) == wanted


def test_several_models_are_averaged_as_the_folds_of_a_cross_validation(tmp_path: Path) -> None:
    folds = [booster(seed=seed, subsample=0.5, rounds=3) for seed in range(3)]
    for number, one in enumerate(folds):
        (tmp_path / f"xgboost-model-{number}").write_bytes(pickle.dumps(one))
    (tmp_path / "notes.txt").write_text("no model")
    body, _ = load(tmp_path).predict(csv(ROWS[:2]), "text/csv", "")
    wanted = np.mean([scores(one) for one in folds], axis=0)
    assert [float(cell) for cell in body.split(b",")] == pytest.approx(wanted.tolist(), rel=1e-6)


def test_several_classes_are_lists_and_a_batch_has_a_line_for_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = booster(CLASSES, objective="multi:softprob", num_class=3)
    one.save_model(tmp_path / "xgboost-model.json")
    predictor = load(tmp_path)
    wanted = [pytest.approx(row) for row in scores(one).tolist()]
    body, _ = predictor.predict(csv(ROWS[:2]), "text/csv", "text/csv")
    assert body.startswith(b"[")
    assert json.loads(b"[" + body + b"]") == wanted
    monkeypatch.setenv("SAGEMAKER_BATCH", "true")
    lines = predictor.predict(csv(ROWS[:2]), "text/csv", "text/csv")[0].splitlines()
    assert [json.loads(line) for line in lines] == wanted
    lines = predictor.predict(csv(ROWS[:2]), "text/csv", "application/jsonlines")[0].splitlines()
    assert [json.loads(line)["score"] for line in lines] == wanted


def test_a_linear_booster_and_an_early_stopped_one_answer_as_xgboost_has_it(tmp_path: Path) -> None:
    linear = booster(booster="gblinear")
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(linear))
    body, _ = load(tmp_path).predict(csv(ROWS[:2]), "text/csv", "")
    assert [float(cell) for cell in body.split(b",")] == pytest.approx(scores(linear).tolist())
    stopped = booster(rounds=20)
    stopped.set_attr(best_iteration="3")
    (tmp_path / "xgboost-model").write_bytes(stopped.save_raw("ubj"))
    body, _ = load(tmp_path).predict(csv(ROWS[:2]), "text/csv", "")
    wanted = stopped.predict(xgboost.DMatrix(ROWS[:2]), iteration_range=(0, 4))
    assert [float(cell) for cell in body.split(b",")] == pytest.approx(wanted.tolist())


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"1,2,3,4", "text/csv", 400, "have 4 columns, but the model has 3 features. Leave the label out"),
        (b"1,2,x", "text/csv", 400, "row 1, column 3: 'x' is not a number"),
        (b"1,2,3\n1,2", "text/csv", 400, "row 2 has 2 values, row 1 has 3"),
        (b"", "text/csv", 400, "it is empty"),
        (b"0:1 1", "text/libsvm", 400, "row 1: '1' is not index:value"),
        (b"7:1", "text/libsvm", 400, "The model cannot take these rows"),
        (b"{}", "application/json", 400, "cannot be read as application/json"),
        (b"x", "application/x-recordio-protobuf", 400, "magic number"),
        (b"x", "text/html", 415, "'text/html' is not supported"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    tmp_path: Path, body: bytes, kind: str, status: int, said: str
) -> None:
    booster().save_model(tmp_path / "xgboost-model.json")
    with pytest.raises(Refused, match=said) as refused:
        load(tmp_path).predict(body, kind, "")
    assert refused.value.status == status
    assert "libxgboost" not in str(refused.value)


def test_an_answer_that_nobody_can_give_is_406(tmp_path: Path) -> None:
    booster().save_model(tmp_path / "xgboost-model.json")
    with pytest.raises(Refused, match="'text/html' is not supported") as refused:
        load(tmp_path).predict(b"1,2,3", "text/csv", "text/html")
    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (".hidden", b"", "no model file at its top"),
        ("model", b"torn", "neither a pickle nor a model in XGBoost's JSON or UBJSON"),
        ("model", pickle.dumps({"a": 1}), "a pickle of dict, which is no model"),
        ("model", b"\x80\x04cnosuch\nThing\n.", r"cannot be unpickled: .*nosuch.*before XGBoost 1\.0"),
    ],
)
def test_an_artifact_without_a_model_says_what_is_wrong(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenModel, match=said):
        load(tmp_path)


def test_a_script_gets_a_dmatrix_and_its_answer_is_json(write: Callable[..., Path]) -> None:
    model = write(
        "import os, pickle\n"
        "from sagemaker_xgboost_container import encoder as xgb_encoders\n"
        "def model_fn(model_dir):\n"
        "    return pickle.load(open(os.path.join(model_dir, 'xgboost-model'), 'rb'))\n"
        "def input_fn(body, content_type):\n"
        "    if content_type == 'text/x-mine':\n"
        "        return xgb_encoders.csv_to_dmatrix(body.replace(b'|', b','))\n"
        "    return xgb_encoders.decode(body, content_type)\n"
    )
    one = booster()
    (model / "xgboost-model").write_bytes(pickle.dumps(one))
    predictor = load(model)
    wanted = pytest.approx(scores(one).tolist())
    assert json.loads(predictor.predict(csv(ROWS[:2]), "text/csv", "")[0]) == wanted
    assert json.loads(predictor.predict(csv(ROWS[:2]).replace(b",", b"|"), "text/x-mine", "")[0]) == wanted


def test_a_script_without_a_model_fn_gets_the_booster_itself(write: Callable[..., Path]) -> None:
    model = write("def predict_fn(data, model):\n    return model.predict(data, output_margin=True)\n")
    one = booster()
    one.save_model(model / "xgboost-model.json")
    wanted = one.predict(xgboost.DMatrix(ROWS[:2]), output_margin=True).tolist()
    assert json.loads(load(model).predict(csv(ROWS[:2]), "text/csv", "")[0]) == pytest.approx(wanted)


def test_a_training_script_without_functions_serves_the_model_that_it_saved(write: Callable[..., Path]) -> None:
    model = write("if __name__ == '__main__':\n    raise SystemExit(1)\n")
    one = booster()
    one.save_model(model / "xgboost-model.json")
    body, kind = load(model).predict(csv(ROWS[:2]), "text/csv", "text/csv")
    assert (kind, [float(line) for line in body.split()]) == ("text/csv", pytest.approx(scores(one).tolist()))
