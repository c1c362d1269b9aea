"""ONNX Runtime with one thread and no memory set aside: a worker has many neighbours."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from potager.images.compiled import onnxfile
from potager.images.compiled.forest import Floats, Forest

MODULE = "onnxruntime"


class Engine:
    """A forest that answers. Any number of threads may call it."""

    def __init__(self, forest: Forest) -> None:
        runtime: Any = importlib.import_module(MODULE)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 4  # what it cannot do is raised as well
        self.name = f"ONNX Runtime {runtime.__version__}"
        self._base = forest.base
        self._session: Any = None
        if len(forest.roots):
            model = onnxfile.written(forest)
            self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, rows: Floats) -> Floats:
        """Sums `(n_rows, targets)` for rows `(n_rows, width)` of the forest's type, in C order."""
        if self._session is None:
            return np.tile(self._base, (len(rows), 1))
        return self._session.run(None, {onnxfile.INPUT: rows})[0] + self._base
