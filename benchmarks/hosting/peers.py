"""Other ways to serve the same models: each a program in a virtual environment of its own, made when it is absent.

A peer that pip cannot install here is left out, with a word. Versions are those that pip finds; the table names them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.hosting import load
from benchmarks.hosting.models import COLUMNS, Models
from benchmarks.measure import say

PROGRAMS = Path(__file__).parent / "programs"
ENVIRONMENTS = Path(os.environ.get("POTAGER_BENCH_PEERS", ".venv/peers"))
MODELS = ("xgboost-cpu", "scikit-learn", "pandas<3")
PATIENCE = 180.0
"""Seconds that a peer has to come up."""

Rows = Sequence[Sequence[Any]]


def _instances(rows: Rows) -> bytes:
    return json.dumps({"instances": rows}).encode()


def _csv(rows: Rows) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


def _inputs(rows: Rows) -> bytes:
    if any(isinstance(cell, str) for cell in rows[0]):
        return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows}}).encode()
    return json.dumps({"inputs": rows}).encode()


def _tensor(rows: Rows) -> bytes:
    flat = [cell for row in rows for cell in row]
    tensor = {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": flat}
    return json.dumps({"inputs": [tensor]}).encode()


JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to serve.

    Parameters
    ----------
    needs : what pip installs.
    version_of : the package whose version the table names.
    start : the command, from the environment's `bin`, the models, the port and a folder of its own.
    engines : what it serves: `xgboost`, `onnx`, `pipeline`.
    path, body : where a JSON request goes, and what it is for a list of rows.
    ready : where a GET answers 200 once it serves.
    csv : where rows of CSV go, "" where it takes none.
    """

    name: str
    needs: Sequence[str]
    version_of: str
    start: Callable[[Path, Models, int, Path], Sequence[str]]
    engines: Sequence[str]
    path: str = "/predict"
    body: Callable[[Rows], bytes] = _instances
    csv: str = ""
    surroundings: Mapping[str, str] = field(default_factory=dict[str, str])


def _fastapi(home: Path, models: Models, port: int, folder: Path) -> Sequence[str]:
    quiet = ["--no-access-log", "--log-level", "error"]
    return [str(home / "uvicorn"), "fastapi_app:app", "--host", "127.0.0.1", "--port", str(port), *quiet]


def _python(program: str) -> Callable[[Path, Models, int, Path], Sequence[str]]:
    return lambda home, models, port, folder: [str(home / "python"), program]


def _bentoml(home: Path, models: Models, port: int, folder: Path) -> Sequence[str]:
    return [str(home / "bentoml"), "serve", "bentoml_app:Claims", "--host", "127.0.0.1", "--port", str(port)]


def _mlflow(home: Path, models: Models, port: int, folder: Path) -> Sequence[str]:
    python = [str(home / "python"), str(PROGRAMS / "mlflow_save.py"), str(folder / "model")]
    subprocess.run(python, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    serve = ["models", "serve", "-m", str(folder / "model"), "--env-manager", "local"]
    return [str(home / "mlflow"), *serve, "-h", "127.0.0.1", "-p", str(port)]


def _mlserver(home: Path, models: Models, port: int, folder: Path) -> Sequence[str]:
    ports = [port, *free(2)]
    settings = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True)) | {"host": "127.0.0.1"}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "claims",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(models.folder / "xgboost-model.json")},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(home / "mlserver"), "start", str(folder)]


PEERS = (
    Peer(
        "FastAPI, ONNX Runtime",
        ("fastapi", "uvicorn[standard]", "onnxruntime", "onnx", "onnxmltools", "skl2onnx", *MODELS),
        "fastapi",
        _fastapi,
        ("onnx",),
        "/json",
        csv="/csv",
    ),
    Peer("FastAPI", (), "fastapi", _fastapi, ("xgboost", "pipeline"), "/json", csv="/csv"),
    Peer("LitServe", ("litserve", *MODELS), "litserve", _python("litserve_app.py"), ("xgboost", "pipeline")),
    Peer("BentoML", ("bentoml", *MODELS), "bentoml", _bentoml, ("xgboost", "pipeline")),
    Peer("Ray Serve", ("ray[serve]", *MODELS), "ray", _python("ray_app.py"), ("xgboost", "pipeline"), "/"),
    Peer(
        "MLServer",
        ("mlserver", "mlserver-xgboost", "uvloop<0.22", *MODELS),
        "mlserver",
        _mlserver,
        ("xgboost",),
        "/v2/models/claims/infer",
        _tensor,
    ),
    Peer("MLflow", ("mlflow==3.17.2", *MODELS), "mlflow", _mlflow, ("xgboost", "pipeline"), "/invocations", _inputs),
)


def free(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def environment(peer: Peer) -> Path | None:
    """The `bin` of the peer's environment, made where it is absent; None, with a word, where that cannot be."""
    home = (ENVIRONMENTS / peer.version_of).absolute()
    if (home / "ready").exists():
        return home / "bin"
    say(f"installing {peer.name} into {home} ...")
    venv.create(home, with_pip=True, clear=True)
    command = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.needs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"{peer.name} cannot be installed here and is left out: {done.stderr.strip()[-300:]}")
        return None
    (home / "ready").touch()
    return home / "bin"


def version(peer: Peer, home: Path) -> str:
    text = f"from importlib.metadata import version; print(version({peer.version_of!r}))"
    return subprocess.run([str(home / "python"), "-c", text], capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def serving(peer: Peer, home: Path, models: Models, engine: str) -> Iterator[str | None]:
    """`host:port` of the peer, once it answers; None, with a word, where it does not come up. Ends with the block."""
    [port] = free(1)
    place = f"127.0.0.1:{port}"
    rows: Rows = [models.claims[0]] if engine == "pipeline" else [models.rows[0]]
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+") as log:
        surroundings = {
            **os.environ,
            "PATH": f"{home}{os.pathsep}{os.environ['PATH']}",
            "MODELS": str(models.folder),
            "ENGINE": engine,
            "COLUMNS": ",".join(COLUMNS),
            "PORT": str(port),
            "PYTHONPATH": str(PROGRAMS),
            "OMP_NUM_THREADS": "1",
            "BENTOML_DO_NOT_TRACK": "1",
        }
        os.environ.update({name: surroundings[name] for name in ("MODELS", "ENGINE")})
        process = subprocess.Popen(
            peer.start(home, models, port, Path(folder)),
            stdout=log,
            stderr=log,
            env=surroundings,
            cwd=PROGRAMS,
            start_new_session=True,
        )
        try:
            up = _up(process, place, load.post(place, peer.path, peer.body(rows), JSON))
            if not up:
                log.seek(0)
                say(f"{peer.name} does not come up and is left out: {log.read()[-600:]}")
            yield place if up else None
        finally:
            _end(process)


def _up(process: subprocess.Popen[bytes], place: str, request: bytes) -> bool:
    """Whether it answers a prediction before its patience ends."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            if load.hammer(place, [request], 1, 0.05).statuses[200]:
                return True
        time.sleep(0.2)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
            if number == signal.SIGTERM:
                continue
    process.wait()


def requests(peer: Peer, place: str, models: Models, engine: str, kind: str) -> list[bytes]:
    """A request for each row, in that format."""
    rows: Sequence[Sequence[Any]] = models.claims if engine == "pipeline" else models.rows
    if kind == "csv":
        return [load.post(place, peer.csv, _csv([row]), {"content-type": "text/csv"}) for row in rows]
    return [load.post(place, peer.path, peer.body([row]), JSON) for row in rows]
