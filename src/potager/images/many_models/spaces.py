"""The modules of each model's own code, apart: every model has its `inference.py`, and may have a `features.py` too.

Python knows modules by name alone, in `sys.modules`. So what is imported from a model's folder is put there while that
model's code runs, and taken out again after: pickles, late imports and `importlib` find what they would find if the
model were alone. One thread at a time can be in a space.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

_LOCK = threading.RLock()


class Space:
    """The modules below a folder, importable within `with space:`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder) + "/"
        self._modules: dict[str, ModuleType] = {}
        self._paths: list[str] = []
        self._covered: dict[str, ModuleType] = {}
        self._known = 0

    @property
    def empty(self) -> bool:
        """Whether the model has no code of its own, so that it may be asked outside of the space."""
        return not self._modules and not self._paths

    def __enter__(self) -> None:
        _LOCK.acquire()
        self._covered = {name: sys.modules[name] for name in self._modules if name in sys.modules}
        sys.modules.update(self._modules)
        sys.path[:0] = self._paths
        self._known = len(sys.modules)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if len(sys.modules) != self._known:
                self._modules |= {name: module for name, module in list(sys.modules.items()) if self._owns(module)}
            for name in self._modules:
                sys.modules.pop(name, None)
            sys.modules.update(self._covered)
            found = [path for path in sys.path if f"{path}/".startswith(self._folder)]
            self._paths = list(dict.fromkeys(found))
            sys.path[:] = [path for path in sys.path if path not in self._paths]
        finally:
            _LOCK.release()

    def _owns(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            return file.startswith(self._folder)
        places = getattr(module, "__path__", None)  # a package without __init__.py
        return places is not None and any(str(place).startswith(self._folder) for place in places)
