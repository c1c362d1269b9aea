"""The way into the XGBoost image: models that answer by themselves, and XGBoost's defaults for a script's functions.

AWS has no default `model_fn` for a script; here the models that would be served without one need none.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from potager.images.python import formats, handlers, toolkit
from potager.images.python import serve as plain
from potager.images.python.handlers import Functions
from potager.images.xgboost import artifact, requests, responses


def _decoder(kind: str) -> Callable[..., Any]:
    def decode(body: bytes | str, dtype: Any = None) -> Any:
        return requests.matrix(body, kind)

    return decode


ENCODER = {
    "decode": requests.matrix,
    "csv_to_dmatrix": _decoder(formats.CSV),
    "libsvm_to_dmatrix": _decoder(requests.LIBSVM),
    "recordio_protobuf_to_dmatrix": _decoder(requests.RECORDIO),
}
"""What serving scripts import from `sagemaker_xgboost_container.encoder`."""


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    plain.say(f"xgboost {importlib.import_module('xgboost').__version__}")
    toolkit.package("sagemaker_xgboost_container", {"encoder": ENCODER})
    with_script = Functions(model_fn=artifact.load_for_script, predict_fn=predict, input_fn=requests.matrix)
    bare = Functions(artifact.load, predict, transform_fn=answer, content_type=formats.CSV, accept=formats.CSV)
    return plain.serve(model, with_script, bare)


def answer(model: artifact.Ensemble, body: bytes | str, content_type: str, accept: str) -> tuple[bytes, str]:
    """The scores of a request's rows."""
    return responses.body(model.predict(requests.rows(body, content_type, model.features)), accept)


def predict(data: Any, model: Any) -> Any:
    """What the model, a booster, an estimator or our own ensemble, says of a DMatrix."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    try:
        return booster.predict(data, validate_features=False)
    except Exception as error:
        raise handlers.failed(error) from None
