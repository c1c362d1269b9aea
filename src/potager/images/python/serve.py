"""The way into the plain Python image: a model folder and the user's script become a predictor."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np

from potager.images.python import handlers, script, toolkit
from potager.images.python.handlers import Functions, Predictor


def load(model: Path) -> Predictor:
    """The predictor of a model that the user's script loads; whatever is wrong raises and says what to do."""
    say()
    return serve(model, Functions(model_fn=None, predict_fn=handlers.predict))


def serve(model: Path, defaults: Functions, bare: Functions | None = None) -> Predictor:
    """The predictor of a model folder: the user's script where there is one, over an image's defaults.

    bare : what serves where there is no script, if that is not the defaults.
    """
    toolkit.provide()
    source = script.find(model)
    module = script.imported(source) if source else None
    return handlers.loaded(model, module, bare if bare and module is None else defaults)


def say(*libraries: str) -> None:
    """The log's first line: what is really used, whatever the image's tag asked for."""
    print(", ".join((*libraries, f"numpy {np.__version__}", f"Python {platform.python_version()}")), flush=True)
