"""The user's script: where it lies, and its import.

    SAGEMAKER_SUBMIT_DIRECTORY an S3 archive   /opt/ml/code, where the server unpacked it
                               a folder        that one, such as /opt/ml/model/code
    without it                                 /opt/ml/model/code

SAGEMAKER_PROGRAM names the file in it, `inference.py` unless told otherwise.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from potager.images.python.errors import BrokenScript

DEFAULT = "inference.py"

PACKAGES = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
}
"""What to install for a module whose package has another name."""


@dataclass(frozen=True, slots=True)
class Source:
    """The folder of the user's code, and the script in it; None where the folder has no script to begin with."""

    folder: Path
    script: Path | None


def find(model: Path, environment: Mapping[str, str] = os.environ) -> Source | None:
    """The user's code beside or in the model folder, None without any; `BrokenScript` when what it names is absent."""
    program, asked = environment.get("SAGEMAKER_PROGRAM", ""), environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    folder = _folder(model, asked)
    if folder is None:
        if program or asked:
            raise BrokenScript(_nowhere(program, asked))
        return None
    script = _file(folder, program or DEFAULT)
    if script is None and program:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
        raise BrokenScript(f"SAGEMAKER_PROGRAM is '{program}', which is not in {folder}. There is: {there}.")
    return Source(folder, script)


def _folder(model: Path, asked: str) -> Path | None:
    local = asked.removeprefix("file://")
    places = [model.parent / "code"]
    if not asked.startswith(("s3://", "https://")):  # code that is elsewhere must not be taken for what was asked for
        places += [*([Path(local)] if local.startswith("/") else []), model / "code"]
    return next((place for place in places if place.is_dir()), None)


def _nowhere(program: str, asked: str) -> str:
    named = f"SAGEMAKER_PROGRAM is '{program}'" if program else f"SAGEMAKER_SUBMIT_DIRECTORY is '{asked}'"
    remedy = (
        "Put the script under code/ in the artifact, or let SAGEMAKER_SUBMIT_DIRECTORY name a sourcedir.tar.gz in S3."
    )
    return f"{named} and there is no code. {remedy}"


def _file(folder: Path, program: str) -> Path | None:
    """A file's path in the folder, or a module's name with dots."""
    path = folder / (program if program.endswith(".py") else program.replace(".", "/") + ".py")
    return path if path.is_file() and path.resolve().is_relative_to(folder.resolve()) else None


def imported(source: Source) -> ModuleType | None:
    """The script, run as a module, with its folder first in `sys.path`; `BrokenScript` says what stopped it."""
    places = [source.folder] if source.script is None else [source.folder, source.script.parent]
    for place in places:
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))
    if source.script is None:
        return None
    name = source.script.stem if source.script.stem not in sys.modules else f"script_{source.script.stem}"
    spec = importlib.util.spec_from_file_location(name, source.script)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise BrokenScript(f"{_where(source, error)}: {error}. {_remedy(error)}") from error
    except (Exception, SystemExit) as error:
        raise BrokenScript(f"{_where(source, error)}: {type(error).__name__}: {error}") from error
    return module


def _where(source: Source, error: BaseException) -> str:
    """The user's own line where an import stopped."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(source.folder)]
    place = (
        f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else str(source.script and source.script.name)
    )
    return f"The script cannot be imported ({place})"


def _remedy(error: ModuleNotFoundError) -> str:
    module = (error.name or "").partition(".")[0]
    package = PACKAGES.get(module, module)
    return f"Name it in requirements.txt beside the script, or install it where Potager runs (pip install {package})."
