"""The way into the Hugging Face images: a pipeline of transformers, or a script's functions.

HF_TASK names the pipeline's task; without it the model's architecture tells. HF_MODEL_ID names a model of the Hub
where the artifact holds none; that needs the network.
"""

from __future__ import annotations

import importlib
import os
import socket
from pathlib import Path
from typing import Any

from potager.images.huggingface import requests, tasks
from potager.images.python import formats, handlers
from potager.images.python import serve as plain
from potager.images.python.errors import BrokenModel
from potager.images.python.handlers import Functions
from potager.images.pytorch import serve as pytorch


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    _without_network()
    torch, transformers = pytorch.library(), importlib.import_module("transformers")
    plain.say(f"transformers {transformers.__version__}", f"torch {torch.__version__}")
    return plain.serve(model, Functions(pipeline, predict, requests.decode, encode))


def _without_network() -> None:
    """Tells the Hub's library where the worker has but its own loopback: it would try for half a minute."""
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pipeline(model_dir: str) -> Any:
    """The pipeline of the folder's model, or of the Hub's; `BrokenModel` where it cannot be made."""
    hub, task = os.environ.get("HF_MODEL_ID", ""), os.environ.get("HF_TASK", "")
    if (Path(model_dir) / "config.json").is_file():
        return _pipeline(task or tasks.of(Path(model_dir)), model_dir)
    if hub:
        return _from_hub(hub, task)
    raise BrokenModel(
        "The artifact holds no config.json at its top, so no model of transformers. Save one there with "
        "save_pretrained, or write model_fn(model_dir) in code/inference.py."
    )


def _from_hub(name: str, task: str) -> Any:
    os.environ.setdefault("HF_HOME", os.path.join(os.environ.get("TMPDIR", "/tmp"), "huggingface"))  # noqa: S108
    try:
        return _pipeline(task or None, name, revision=os.environ.get("HF_MODEL_REVISION") or None)
    except (BrokenModel, OSError) as error:
        remedy = (
            "It needs the Hugging Face Hub and a model without EnableNetworkIsolation. Without a network, put the "
            "model's files into the artifact (save_pretrained) and leave HF_MODEL_ID out."
        )
        raise BrokenModel(f"HF_MODEL_ID is '{name}', which cannot be loaded: {error} {remedy}") from error


def _pipeline(task: str | None, model: str, **more: Any) -> Any:
    transformers: Any = importlib.import_module("transformers")
    try:
        return transformers.pipeline(task, model=model, device=pytorch.device(), **more)
    except (KeyError, ValueError, RuntimeError) as error:
        cause = str(error.args[0]) if error.args else type(error).__name__
        raise BrokenModel(f"No pipeline '{task}' can be made of the model: {cause[:500]}") from error


def predict(data: Any, model: Any) -> Any:
    """The pipeline's answer to `inputs`, with `parameters` as its arguments."""
    inputs = data.pop("inputs", data) if isinstance(data, dict) else data  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    parameters = data.pop("parameters", None) if isinstance(data, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    try:
        return model(inputs, **(parameters or {}))
    except Exception as error:
        raise requests.refused(error) from None


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """The answer as JSON; a list of records as CSV with a header too, and an array as NPY."""
    kind = formats.media.accepted(accept)[:1]
    return (requests.to_csv(prediction), formats.CSV) if kind == [formats.CSV] else formats.encode(prediction, accept)
