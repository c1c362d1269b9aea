"""The way into the XGBoost image: models that answer by themselves, and XGBoost's defaults for a script's functions.

AWS has no default `model_fn` for a script; here the models that would be served without one need none.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.python import formats, handlers, toolkit
from potager.images.python import serve as plain
from potager.images.python.handlers import Functions, Steps
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


def library() -> Any:
    """XGBoost."""
    return importlib.import_module("xgboost")


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    plain.say(f"xgboost {library().__version__}")
    toolkit.package("sagemaker_xgboost_container", {"encoder": ENCODER})
    with_script = Functions(artifact.load_for_script, predict, requests.matrix, quicken=quickened)
    bare = Functions(
        artifact.load,
        predict,
        output_fn=responses.body,
        content_type=formats.CSV,
        accept=formats.CSV,
        quicken=of_its_width,
    )
    return plain.serve(model, with_script, bare)


def of_its_width(model: artifact.Ensemble) -> Steps:
    """The steps of a model without a script, which takes rows of its own width only."""
    print(model.compile(), flush=True)

    def answer(rows: Any, _: Any) -> Any:
        return model.predict(rows)

    return Steps(partial(requests.rows, width=model.features), answer, apart=True)


def quickened(model: Any) -> Steps | None:
    """The steps of a script's model, which make a DMatrix of many rows only; None for no model of XGBoost's."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    if not hasattr(booster, "inplace_predict") and not isinstance(booster, artifact.Ensemble):
        return None
    quick = booster if isinstance(booster, artifact.Ensemble) else artifact.Ensemble([booster], whole=True)
    print(quick.compile(), flush=True)

    def answer(rows: Any, _: Any) -> Any:
        found = quick.compiled(rows)
        if found is None or np.isinf(rows).any():  # which a DMatrix refuses
            return predict(library().DMatrix(rows), model)
        return found

    return Steps(requests.rows, answer, apart=True)


def predict(data: Any, model: Any) -> Any:
    """What the model, a booster, an estimator or our own ensemble, says of a DMatrix."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    try:
        return booster.predict(data, validate_features=False)
    except Exception as error:
        raise handlers.failed(error) from None
