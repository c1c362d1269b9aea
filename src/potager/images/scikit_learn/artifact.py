"""The model in an artifact without a `model_fn`: the only file of a kind that scikit-learn's models are kept in.

Pickles run code when they are opened. They are opened here only, in a worker that is walled off.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from potager.images.python.errors import BrokenModel, NotInstalled

SUFFIXES = (".joblib", ".pkl", ".pickle", ".skops")


def load(model_dir: str) -> Any:
    """The model that is the only one in the folder; `BrokenModel` when there is none or several."""
    file = only(Path(model_dir))
    try:
        return _skops(file) if file.suffix == ".skops" else importlib.import_module("joblib").load(file)
    except NotInstalled:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        remedy = "It may ask for a module or a version that is not here; a model_fn can load it otherwise."
        raise BrokenModel(f"{file.name} cannot be loaded: {cause}. {remedy}") from error


def only(folder: Path) -> Path:
    """The one model file below the folder, code/ aside."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
    models = [path for path in files if path.relative_to(folder).parts[0] != "code"]
    if len(models) == 1:
        return models[0]
    names = ", ".join(str(path.relative_to(folder)) for path in models[:10]) or "none"
    wanted = f"exactly one file of {', '.join('*' + suffix for suffix in SUFFIXES)}"
    remedy = "Write model_fn(model_dir) in code/inference.py, or leave one."
    raise BrokenModel(f"Without a model_fn the artifact must hold {wanted}; it holds {names}. {remedy}")


def _skops(file: Path) -> Any:
    try:
        skops: Any = importlib.import_module("skops.io")
    except ImportError as error:
        raise NotInstalled(
            f"{file.name} needs skops, which is not installed here. Install it: pip install skops"
        ) from error
    return skops.load(file, trusted=skops.get_untrusted_types(file=file))
