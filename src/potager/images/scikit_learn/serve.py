"""The way into the scikit-learn image: its library, and its defaults where the user's script has no function.

AWS has no default `model_fn` for scikit-learn; here a model that is the only one in its artifact needs none.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.python import formats, handlers
from potager.images.python import serve as plain
from potager.images.python.errors import NotInstalled, Refused
from potager.images.python.handlers import Functions, Steps
from potager.images.scikit_learn import artifact, compiled

INSTALL = "pip install 'potager[sklearn]'"


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    plain.say(f"scikit-learn {library().__version__}")
    return plain.serve(model, Functions(model_fn=artifact.load, predict_fn=predict, quicken=quickened))


def quickened(model: Any) -> Steps | None:
    """The default steps, of a model that was compiled; None of one that was not."""
    if not hasattr(model, "predict"):
        return None
    quick = compiled.Compiled(model, library().__version__)
    print(quick.why, flush=True)
    features = getattr(model, "n_features_in_", None)

    def answer(data: Any, model: Any) -> Any:
        found = quick.predict(rows(data, features))
        return predict(data, model) if found is None else found

    def read(body: bytes | str, content_type: str) -> Any:
        return rows(formats.decode(body, content_type), features)

    return Steps(read, answer, of_any_input=True, apart=True) if quick else None


def library() -> Any:
    """scikit-learn; `NotInstalled`, with the command that mends it, where it is absent."""
    try:
        return importlib.import_module("sklearn")
    except ImportError as error:
        said = f"The image sagemaker-scikit-learn needs scikit-learn, which is not installed here: {error}."
        raise NotInstalled(f"{said} Install it: {INSTALL}") from error


def predict(data: Any, model: Any) -> Any:
    """`model.predict` of rows: `data` of one dimension is one row, or one column where the model has one feature.

    data : (n_rows, n_features), or what the request's decoder made of one row. A `ValueError` of the model's is the
    request's fault (400): a wrong number of features, a NaN.
    """
    try:
        return model.predict(rows(data, getattr(model, "n_features_in_", None)))
    except ValueError as error:
        raise Refused(str(handlers.failed(error))) from None
    except Exception as error:
        raise handlers.failed(error) from None


def rows(data: Any, features: int | None) -> Any:
    """Data of two dimensions, which scikit-learn wants, from what has fewer; other things as they are."""
    if not isinstance(data, np.ndarray) or data.ndim > 1:  # type: ignore[reportUnknownMemberType]
        return data  # type: ignore[reportUnknownVariableType]
    return data.reshape(-1, 1) if features == 1 else data.reshape(1, -1)  # type: ignore[reportUnknownMemberType]
