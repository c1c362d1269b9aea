"""A SavedModel behind TF Serving's body. Runs where TensorFlow is installed, which `make test` does not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from potager.images.python.errors import BrokenModel, BrokenScript, Refused

tensorflow = pytest.importorskip("tensorflow")

from potager.images.tensorflow import serve  # noqa: E402


def save(folder: Path, factor: float) -> None:
    class Times(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], tensorflow.float32, name="x")])
        def __call__(self, x):
            return {"y": tensorflow.reduce_sum(x, axis=1) * factor}

    tensorflow.saved_model.save(Times(), str(folder))


def test_the_highest_version_answers_rows_and_columns(tmp_path: Path) -> None:
    save(tmp_path / "export" / "9", 1.0)
    save(tmp_path / "export" / "10", 2.0)
    predictor = serve.load(tmp_path)
    rows = json.dumps({"instances": [[1, 2], [3, 4]]}).encode()
    assert json.loads(predictor.predict(rows, "application/json", "")[0]) == {"predictions": [6, 14]}
    assert json.loads(predictor.predict(b"1,2\n", "text/csv", "")[0]) == {"predictions": [6]}
    assert json.loads(predictor.predict(b'{"inputs": [[1, 2]]}', "", "")[0]) == {"outputs": [6]}
    with pytest.raises(Refused, match=r"input x has the shape \(1, 3\), but the model takes \(None, 2\)") as refused:
        predictor.predict(b"[[1, 2, 3]]", "", "")
    assert refused.value.status == 400


def test_a_scripts_functions_stand_around_the_savedmodel(write: Callable[..., Path]) -> None:
    model = write("def output_fn(prediction, accept):\n    return {'twice': (prediction * 2).tolist()}\n")
    save(model / "1", 1.0)
    assert json.loads(serve.load(model).predict(b"[[1, 2]]", "", "")[0]) == {"twice": [6]}


def test_what_cannot_be_served_says_why(tmp_path: Path, write: Callable[..., Path]) -> None:
    with pytest.raises(BrokenModel, match=r"must hold a SavedModel, as in 1/saved_model\.pb; it holds none"):
        serve.load(tmp_path)
    with pytest.raises(BrokenScript, match="input_handler, output_handler, which need TF Serving"):
        serve.load(write("def input_handler(a, b): ...\ndef output_handler(a, b): ...\n"))
