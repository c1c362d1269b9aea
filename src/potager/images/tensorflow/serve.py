"""The way into the TensorFlow images: a SavedModel answers the body that TF Serving's REST interface takes.

    model/<version>/saved_model.pb, anywhere below ─► the highest version ─► its signature, serving_default

A script's `model_fn` and its like come before that. AWS's `input_handler` and `output_handler` speak to a TF Serving
beside them, which is not here.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from potager.images.python import handlers, script, toolkit
from potager.images.python import serve as plain
from potager.images.python.errors import BrokenModel, BrokenScript, Refused
from potager.images.python.handlers import Functions
from potager.images.tensorflow import bodies

FILE = "saved_model.pb"
_HANDLERS = ("handler", "input_handler", "output_handler")


class Served:
    """A SavedModel's signature by which it serves."""

    def __init__(self, folder: Path) -> None:
        tensorflow = library()
        self._model = tensorflow.saved_model.load(str(folder))
        name = os.environ.get("SAGEMAKER_TFS_SIGNATURE", "serving_default")
        known = list(self._model.signatures)
        if name not in known:
            raise BrokenModel(
                f"The SavedModel has no signature '{name}'. Its signatures: {', '.join(known) or 'none'}."
            )
        self._signature: Any = self._model.signatures[name]
        self._inputs: dict[str, Any] = self._signature.structured_input_signature[1]
        self.names = tuple(self._inputs)

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Arrays by the names of the outputs. `Refused`, 400, for inputs that the signature does not take."""
        tensorflow = library()
        try:
            tensors = {name: self._tensor(tensorflow, name, inputs[name]) for name in self._inputs}
            found = self._signature(**tensors)
        except (ValueError, TypeError, tensorflow.errors.InvalidArgumentError) as error:
            raise Refused(str(handlers.failed(error))) from None
        return {name: np.asarray(tensor) for name, tensor in found.items()}

    def _tensor(self, tensorflow: Any, name: str, values: Any) -> Any:
        spec = self._inputs[name]
        tensor = tensorflow.constant(values, spec.dtype)
        if not spec.shape.is_compatible_with(tensor.shape):
            raise ValueError(f"the input {name} has the shape {tensor.shape}, but the model takes {spec.shape}")
        return tensor


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    plain.say(f"tensorflow {library().__version__}")
    toolkit.provide()
    source = script.find(model)
    module = script.imported(source) if source else None
    _refuse_handlers(module)
    defaults = Functions(load_model, predict)
    bare = Functions(load_model, predict, transform_fn=answer)
    own = module is not None and any(hasattr(module, name) for name in ("input_fn", "predict_fn", "output_fn"))
    return handlers.loaded(model, module, defaults if own else bare)


def library() -> Any:
    """TensorFlow, quiet about what the machine has not."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return importlib.import_module("tensorflow")


def _refuse_handlers(module: ModuleType | None) -> None:
    found = [name for name in _HANDLERS if hasattr(module, name)]
    if found:
        remedy = "Write input_fn, predict_fn and output_fn, or leave the script out."
        raise BrokenScript(f"The script has {', '.join(found)}, which need TF Serving beside them. {remedy}")


def load_model(model_dir: str) -> Served:
    """The highest version of the SavedModel in the folder; `BrokenModel` where there is none."""
    return Served(found(Path(model_dir)))


def found(folder: Path) -> Path:
    """The SavedModel's folder: of those named by a number the highest, else the only one."""
    folders = [file.parent for file in sorted(folder.rglob(FILE)) if "code" not in file.relative_to(folder).parts]
    numbered = [each for each in folders if each.name.isdigit()]
    if numbered:
        return max(numbered, key=lambda each: int(each.name))
    if len(folders) == 1:
        return folders[0]
    names = ", ".join(str(each.relative_to(folder)) for each in folders[:10]) or "none"
    raise BrokenModel(f"The artifact must hold a SavedModel, as in 1/{FILE}; it holds {names}. Or write a model_fn.")


def predict(data: Any, served: Any) -> Any:
    """What the model says of arrays by the names of its inputs, or of the array that its one input takes.

    A model of another kind, from a script's `model_fn`, answers by its own `predict`.
    """
    if not isinstance(served, Served):
        return handlers.predict(data, served)
    outputs = served.predict(
        cast("dict[str, Any]", data) if isinstance(data, dict) else {bodies.one(served.names): data}
    )
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def answer(served: Served, body: bytes | str, content_type: str, accept: str) -> bytes:
    """`{"predictions": [...]}` for `{"instances": [...]}`, `{"outputs": ...}` for `{"inputs": ...}`."""
    asked = bodies.parse(body, content_type, served.names)
    return bodies.written(served.predict(asked.inputs), asked.rows)
