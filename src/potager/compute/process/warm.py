"""A Python script run by a worker that has its libraries imported already, instead of by a new interpreter.
A server's worker is forked from such a parent, too, and finds imported what its image needs.

What a new interpreter does with `python train.py ...` is done here in the fork of a parent that imported what the
workload names (`Workload.warm`): seconds of imports become the milliseconds of a fork. Only what comes out the same is
run so: a script on packages that are the server's own, whose environment holds nothing that is read when an interpreter
or a library starts. All else is executed.
"""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType

from potager.compute.process import limits, venv
from potager.compute.workload import Workload

_EARLY = re.compile(
    r"PYTHON(?!PATH$|UNBUFFERED$)|LD_|MALLOC_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|BLIS_|NUMEXPR_|NUMBA_"
    r"|CUDA_|TORCH|PYTORCH|HF_|TRANSFORMERS_|TF_|XLA_|SKLEARN_|SCIPY_|JOBLIB_|XGBOOST_|ARROW_|TMP|LC_|LANG|TZ$"
)
"""Variables that are read while an interpreter or a library starts, too late for one that has started."""

WITHOUT_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "ORT_DISABLE_TELEMETRY": "1"}
"""Variables by which pyarrow (its jemalloc) and ONNX Runtime start no thread when they are imported."""

BROUGHT: dict[str, str] = {}
"""Variables that the parent's imports set, as scikit-learn's do: a script that imports anew would have them too."""


def fits(workload: Workload, argv: Sequence[str]) -> bool:
    """Whether this process can take the place of the new interpreter that `argv` asks for."""
    return (
        bool(workload.warm)
        and workload.requirements is None
        and workload.package is None
        and len(argv) > 1
        and argv[0] == "python"
        and argv[1].endswith(".py")
        and all(name in sys.modules for name in workload.warm)
        and not any(map(_EARLY.match, workload.environment))
    )


def serves(workload: Workload) -> bool:
    """Whether a program of an image may be forked from a parent that has its libraries imported."""
    return bool(workload.warm) and not workload.argv and not any(map(_EARLY.match, workload.environment))


def settle(cpus: int | None) -> None:
    """Gives libraries that the parent imported what they would have found, had they been imported here."""
    for name, text in BROUGHT.items():
        os.environ.setdefault(name, text)
    count = limits.threads(cpus)
    limits.set_threads(count)
    limits.set_openmp(count)


def run(argv: Sequence[str], cpus: int | None) -> None:
    """Runs the script in this process and the current folder; raises SystemExit as an interpreter would end."""
    settle(cpus)
    venv.enter(Path(os.environ["VIRTUAL_ENV"]))
    path = os.path.abspath(argv[1])
    sys.argv = list(argv[1:])
    sys.path[:0] = [os.path.dirname(path), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    main = ModuleType("__main__")
    vars(main).update(__file__=path, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = main
    try:
        exec(compile(_source(path), path, "exec"), vars(main))  # noqa: S102 - the program that the workload is
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _theirs(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None


def _source(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        print(f"{sys.executable}: can't open file '{path}': {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this module."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace
