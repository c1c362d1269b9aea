"""The program's own process: a clean surrounding, then the entry.

A job's entry is called with the folder that it knows as /opt/ml; what it raises becomes its exit code. A job that is a
command takes this process over. A server's entry loads the model, then `serving.py` answers. Where there is no /opt/ml
of its own (`isolation.py`, level `process`), the folder's real path takes the place of `/opt/ml` in every variable and
argument, and the addresses of several hosts that of their names, which do not resolve.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import importlib
import io
import os
import re
import resource
import shutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from potager.compute.process import limits, mounts, network, serving, venv, warm
from potager.compute.process.isolation import Isolation
from potager.compute.workload import Workload

KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "REQUESTS_CA_BUNDLE")


def clean(environment: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """What of the server's environment a program may have; never its keys."""
    names = set(KEPT)
    if network:
        names |= {name for proxy in _PROXIES for name in (proxy, proxy.upper())}
    kept = {name: text for name, text in environment.items() if name in names or name.startswith(KEPT_PREFIXES)}
    return {"PATH": os.defpath, "LANG": "C.UTF-8"} | kept


def run(workload: Workload, isolation: Isolation, output: int, listener: socket.socket | None) -> int:
    """Runs the program in this process, a fresh fork; its exit code."""
    ml = mounts.ML if isolation.level == "namespaces" else workload.ml
    tmp = "/tmp" if isolation.level == "namespaces" else str(workload.folder / "tmp")  # noqa: S108 - a private one
    place = partial(_placed, names=_names(workload, isolation, ml))
    if workload.nice:
        os.nice(workload.nice)
    _environment(workload, place, tmp)
    _streams(output)
    _fresh(workload)
    os.chdir(ml)
    code = _guarded(lambda: _body(workload, ml, place, listener))
    return _finish(code)


def _body(workload: Workload, ml: Path, place: Callable[[str], str], listener: socket.socket | None) -> None:
    if listener is not None:
        if workload.requirements or workload.package:
            _serve_afresh(workload.entry, ml, listener)
        venv.enter(Path(os.environ["VIRTUAL_ENV"]))
        _serve(workload.entry, ml, listener)
    elif workload.argv:
        _run_command(workload, [place(part) for part in workload.argv], ml)
    else:
        load(workload.entry)(ml)


def _environment(workload: Workload, place: Callable[[str], str], tmp: str) -> None:
    count = limits.threads(workload.cpus)
    settings = clean(os.environ, network=workload.network) | limits.thread_environment(count)
    settings |= venv.told(os.environ) if workload.network else {}
    if workload.gpus is not None:
        visible = ",".join(map(str, workload.gpus))
        settings |= {"CUDA_VISIBLE_DEVICES": visible, "SM_NUM_GPUS": str(len(workload.gpus))}
    settings |= {"HOME": tmp, "TMPDIR": tmp, "PYTHONUNBUFFERED": "1"}
    settings |= {name: place(text) for name, text in workload.environment.items()} | dict(workload.secrets)
    home = Path(tmp, venv.NAME)
    if home.is_dir():
        folders = (home / "bin", *workload.programs, os.path.dirname(sys.executable), settings["PATH"])
        settings |= {"PATH": os.pathsep.join(map(str, folders)), "VIRTUAL_ENV": str(home)}
    os.environ.clear()
    os.environ.update(settings)
    if warm.serves(workload):
        warm.settle(workload.cpus)
    elif not workload.argv:
        limits.set_threads(count)


def _streams(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def _fresh(workload: Workload) -> None:
    """Undoes what the fork shares with every other child of the same parent."""
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    random: Any = sys.modules.get("numpy.random")  # Python reseeds its own generator after a fork; numpy does not
    if random is not None:
        random.seed()
    sys.argv = [workload.entry.partition(":")[0]]


def load(entry: str) -> Callable[..., Any]:
    """The function that `module:function` names."""
    module, _, name = entry.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _names(workload: Workload, isolation: Isolation, ml: Path) -> Mapping[str, str]:
    """What goes by another name than SageMaker's where the program runs."""
    if isolation.level == "namespaces":
        return {}
    return {str(mounts.ML): str(ml)} | (network.addresses(workload) if workload.hosts else {})


def _placed(text: str, names: Mapping[str, str]) -> str:
    """A variable or an argument, with the names that are good where the program runs."""
    for name, here in names.items():
        begin = r"(?<![\w.-])" if name[0].isalnum() else ""
        text = re.sub(rf"{begin}{re.escape(name)}(?![\w.-])", lambda _, here=here: here, text)
    return text


def _run_command(workload: Workload, argv: list[str], ml: Path) -> None:
    """Runs a command in the folder of its code: here, where that comes out the same, or as another program."""
    code = ml / "code"
    os.chdir(code if code.is_dir() else ml)
    if warm.fits(workload, argv):
        warm.run(argv, workload.cpus)
    else:
        _execute(argv)


def _execute(argv: list[str]) -> NoReturn:
    """Becomes another program; exits as a shell does when that cannot be: 127 or 126."""
    # Python ignores these two, and what is ignored stays so in the program that comes after.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    program = shutil.which(argv[0])
    if program is None:
        print(_no_program(argv[0]), file=sys.stderr)
        sys.exit(126 if os.path.exists(argv[0]) and "/" in argv[0] else 127)
    try:
        os.execv(program, [program if argv[0] in ("python", "python3") else argv[0], *argv[1:]])  # noqa: S606 - no shell
    except OSError as error:
        hint = " Does it start with #!?" if error.errno == errno.ENOEXEC else ""
        print(f"potager: {argv[0]} cannot be executed: {error.strerror}.{hint}", file=sys.stderr)
        sys.exit(126)


def _no_program(name: str) -> str:
    if "/" not in name:
        return f"potager: {name}: command not found. Looked for in PATH={os.environ['PATH']}"
    reason = "it is not executable" if os.path.exists(name) else "no such file"
    return f"potager: {name} cannot be executed: {reason}."


def _serve_afresh(entry: str, ml: Path, listener: socket.socket) -> NoReturn:
    """Serves in a new interpreter: what was installed may be another version of what this one has imported."""
    os.set_inheritable(listener.fileno(), True)
    text = "import sys; sys.path += sys.argv[4:]; from potager.compute.process.harness import afresh; afresh()"
    program = str(venv.python(Path(os.environ["VIRTUAL_ENV"])))
    os.execv(  # noqa: S606 - no shell asked
        program, [program, "-P", "-c", text, entry, str(ml), str(listener.fileno()), *filter(None, sys.path)]
    )


def afresh() -> NoReturn:
    """What the new interpreter runs."""
    entry, ml, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    listener = socket.socket(fileno=number)
    sys.argv = [entry.partition(":")[0]]
    sys.exit(_finish(_guarded(lambda: _serve(entry, ml, listener))))


def _serve(entry: str, ml: Path, listener: socket.socket) -> None:
    try:
        predictor = load(entry)(ml / "model")
    except Exception as error:
        _note_failure(ml, error)
        raise
    _rest()
    serving.answer(listener, predictor)


def _rest() -> None:
    """Gives back what loading the model took: a worker may be idle for days, and there may be many."""
    gc.collect()
    gc.freeze()
    limits.trim()


def _note_failure(ml: Path, error: Exception) -> None:
    """One line for whoever asks why; a reason that the program wrote itself stays."""
    with contextlib.suppress(OSError):
        (ml / "output").mkdir(exist_ok=True)
        with open(ml / "output" / "failure", "x") as file:
            file.write(f"{type(error).__name__}: {' '.join(str(error).split())}"[:1024])


def _guarded(body: Callable[[], None]) -> int:
    """Runs `body` as Python runs a program: SystemExit honoured, any other exception shown, code 1."""
    try:
        body()
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return (leaving.code or 0) & 0xFF
        print(leaving.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _finish(code: int) -> int:
    """What the interpreter does at its end, short of taking itself apart."""
    wait: Any = getattr(threading, "_shutdown", None)  # threads that are not daemons hold a program open
    leave: Any = getattr(atexit, "_run_exitfuncs", None)
    for step in (wait, leave, sys.stdout.flush, sys.stderr.flush):
        if step is not None and _guarded(step):
            code = code or 1
    return code
