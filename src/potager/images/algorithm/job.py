"""A training job of a built-in algorithm, as its folder `/opt/ml` has it, and how it ends.

The user's mistakes end it with exit code 2 and `ClientError: ...` in `output/failure`, ours with 1 and
`AlgorithmError: ...`. Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potager.images.algorithm.errors import ClientError


@dataclass(frozen=True)
class Job:
    """What a job is told.

    ml : its folder. `model` below it becomes model.tar.gz, `output/data` output.tar.gz.
    hyperparameters : as they were sent; a catalogue reads them.
    channels : the entries of `inputdataconfig.json` by channel.
    host, hosts : this host's name, and all of them.
    """

    ml: Path
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Mapping[str, Any]]
    host: str
    hosts: Sequence[str]

    @property
    def model(self) -> Path:
        """The folder of the artifact, made when it is first asked for."""
        folder = self.ml / "model"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def tuned(self) -> bool:
        """Whether a tuning job started it."""
        return bool(self.hyperparameters.get("_tuning_objective_metric"))

    def folder(self, channel: str) -> Path:
        """Where a channel's files are."""
        return self.ml / "input" / "data" / channel

    def has(self, channel: str) -> bool:
        """Whether the job has a channel."""
        return channel in self.channels or self.folder(channel).is_dir()


def run(ml: Path, train: Callable[[Job], None]) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    try:
        train(_job(ml))
    except ClientError as error:
        _fail(ml, f"ClientError: {error}", 2)
    except MemoryError as error:
        remedy = "Use an instance type with more of it, fewer rows, or smaller hyperparameters."
        _fail(ml, f"ClientError: out of memory: {error}. {remedy}", 2)
    except Exception as error:
        say(traceback.format_exc(), "ERROR")
        _fail(ml, f"AlgorithmError: {type(error).__name__}: {error}", 1)


def _job(ml: Path) -> Job:
    resources = _config(ml, "resourceconfig")
    host = str(resources.get("current_host", "algo-1"))
    given = {name: str(value) for name, value in _config(ml, "hyperparameters").items()}
    return Job(ml, given, _config(ml, "inputdataconfig"), host, resources.get("hosts") or [host])


def _fail(ml: Path, message: str, code: int) -> None:
    message = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in message)
    say(message, "ERROR")
    output = ml / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text(message, encoding="utf-8")
    raise SystemExit(code)


def _config(ml: Path, name: str) -> dict[str, Any]:
    """A file of `input/config`; an absent one is empty, as a job without hyperparameters has it."""
    path = ml / "input" / "config" / f"{name}.json"
    if not path.exists():
        return {}
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8") or "{}")
    except ValueError as error:
        raise ClientError(f"{path} is not JSON: {error}.") from error
    return content if isinstance(content, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def say(text: str, level: str = "INFO") -> None:
    """One line of the job's log, out at once."""
    stamp = time.strftime("%m/%d/%Y %H:%M:%S", time.gmtime())
    sys.stdout.write(f"[{stamp} {level} {os.getpid()}] {text}\n")
    sys.stdout.flush()


PACE = [
    ("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
    ("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"),
]
"""What reads the lines of `pace`, for the `METRICS` of an image."""


def pace(host: str, share: float, rows: int, seconds: float) -> None:
    """The lines that say how much of a run is done, `share` of 1, and how many rows a second it has seen."""
    say(f"#progress_metric: host={host}, completed {round(100 * share, 2):g} % of epochs")
    say(f"#throughput_metric: host={host}, train throughput={rows / max(seconds, 1e-9)!r} records/second")


def quality(host: str, words: str) -> None:
    """A line that the expressions of AWS's own algorithms read a metric from: `train mse <loss>=0.5`."""
    say(f"#quality_metric: host={host}, {words}")
