"""The way into the PyTorch images: their library, and its defaults where the user's script has no function.

model_fn    TorchScript: model.pt, else the only *.pt or *.pth     predict_fn   model(data), in eval mode, no gradients
input_fn    JSON, CSV and NPY become tensors                       output_fn    JSON, CSV and NPY, as accepted
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from potager.images.python import formats, handlers
from potager.images.python import serve as plain
from potager.images.python.errors import BrokenModel
from potager.images.python.handlers import Functions

NAME = "model.pt"
SUFFIXES = (".pt", ".pth")


def load(model: Path) -> handlers.Predictor:
    """The predictor of a model; whatever is wrong raises and says what to do."""
    plain.say(f"torch {library().__version__}")
    return plain.serve(model, Functions(load_script, predict, decode, encode))


def library() -> Any:
    """PyTorch, with as many threads as the worker may have."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    return torch


def device() -> str:
    """Where models run."""
    return "cuda" if library().cuda.is_available() else "cpu"


def load_script(model_dir: str) -> Any:
    """The folder's TorchScript; `BrokenModel` where there is none: another file needs a `model_fn`."""
    file = _only(Path(model_dir))
    try:
        return library().jit.load(str(file), map_location=device())
    except (RuntimeError, ValueError) as error:
        cause = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        remedy = (
            "Save it with torch.jit.save, or write model_fn(model_dir) in code/inference.py that makes the module and "
            "loads its state_dict."
        )
        raise BrokenModel(f"{file.name} is not TorchScript: {cause}. {remedy}") from error


def _only(folder: Path) -> Path:
    if (folder / NAME).is_file():
        return folder / NAME
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if len(files) == 1:
        return files[0]
    names = ", ".join(path.name for path in files[:10]) or "none"
    raise BrokenModel(
        f"Without a model_fn the artifact must hold {NAME}, or exactly one *.pt or *.pth, of TorchScript; it holds "
        f"{names}. Write model_fn(model_dir) in code/inference.py, or save the model with torch.jit.save."
    )


def decode(body: bytes | str, content_type: str) -> Any:
    """The tensor that a request holds: float32 of JSON and CSV, its own type of NPY."""
    return library().from_numpy(formats.decode(body, content_type)).to(device())


def predict(data: Any, model: Any) -> Any:
    """`model(data)`, in evaluation mode and without gradients."""
    torch = library()
    try:
        with torch.no_grad():
            return model.to(device()).eval()(data.to(device()))
    except Exception as error:
        raise handlers.failed(error) from None


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """A prediction, a tensor or what holds tensors, in a format that is accepted."""
    return formats.encode(_plain(prediction), accept)


def _plain(prediction: Any) -> Any:
    """The prediction with arrays in the place of tensors."""
    if hasattr(prediction, "detach"):
        return prediction.detach().cpu().numpy()
    if isinstance(prediction, list | tuple):
        return [_plain(one) for one in prediction]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(prediction, dict):
        return {name: _plain(one) for name, one in prediction.items()}  # pyright: ignore[reportUnknownVariableType]
    return prediction
