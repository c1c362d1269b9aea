"""Boosting, round by round: what is printed, kept and heeded between two rounds.

    xgboost.train ─► Lines       [7]#011train-rmse:1.5#011validation-rmse:1.7
                  ├► Checkpoints /opt/ml/checkpoints/xgboost-checkpoint.7, the latest five
                  ├► Stop        SIGTERM: the round is finished, and its model saved
                  └► EarlyStopping, XGBoost's own: the model is that of the best round

Source: `checkpointing.py`, `callback.py` and `algorithm_mode/train.py` of
https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgboost
from xgboost.callback import EarlyStopping, TrainingCallback

from potager.images.algorithm.job import say
from potager.images.xgboost.scores import Scores
from potager.images.xgboost.settings import Settings

Curves = Mapping[str, Mapping[str, list[float]]]

_CHECKPOINT = "xgboost-checkpoint"
_KEPT = 5
_TRIED = 5


class Lines(TrainingCallback):
    """Prints the metrics of each round as AWS's logs have them: a tab is written `#011`."""

    def __init__(self, before: int) -> None:
        """before : rounds of an earlier attempt."""
        self._before = before

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        print(line(epoch + self._before, evals_log), flush=True)
        return False


def line(number: int, curves: Curves) -> str:
    """A round's last value of each metric on each channel."""
    values = [f"{data}-{name}:{series[-1]:.5f}" for data, metrics in curves.items() for name, series in metrics.items()]
    return "#011".join([f"[{number}]", *values])


class Checkpoints(TrainingCallback):
    """The model after each round, in a folder that outlives the job; the latest five are kept."""

    def __init__(self, folder: Path, before: int) -> None:
        self._folder, self._before = folder, before
        folder.mkdir(parents=True, exist_ok=True)

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        number = epoch + self._before
        part = self._folder / f".{_CHECKPOINT}.sagemaker-ignore"
        part.write_bytes(model.save_raw(raw_format="ubj"))
        os.replace(part, self._folder / f"{_CHECKPOINT}.{number}")
        (self._folder / f"{_CHECKPOINT}.{number - _KEPT}").unlink(missing_ok=True)
        return False


def resumed(folder: Path | None) -> tuple[Any, int]:
    """The model of the latest checkpoint that can be read, and its rounds; None and 0 where there is none."""
    found = [] if folder is None or not folder.is_dir() else list(folder.iterdir())
    numbers = sorted(int(path.name.rpartition(".")[2]) for path in found if _is_checkpoint(path))
    for number in reversed(numbers[-_TRIED:]):
        path = (folder or Path()) / f"{_CHECKPOINT}.{number}"
        booster: Any = xgboost.Booster()
        try:
            booster.load_model(bytearray(path.read_bytes()))
        except (xgboost.core.XGBoostError, OSError) as error:
            say(f"The checkpoint {path.name} cannot be read: {str(error).splitlines()[0][:200]}", "WARNING")
            continue
        say(f"Checkpoint loaded from {path}")
        say(f"Resuming from iteration {number + 1}")
        return booster, number + 1
    return None, 0


def _is_checkpoint(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and bool(re.fullmatch(rf"{_CHECKPOINT}\.[0-9]{{1,9}}", path.name))


class Stop(TrainingCallback):
    """Ends training after the round in which SIGTERM came, with the model as it is then."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if self.asked:
            say(f"Asked to stop: the model of {epoch + 1} rounds is saved")
        return self.asked


@dataclass(frozen=True)
class Run:
    """One training: its settings, where it keeps checkpoints (None for nowhere), and who may stop it."""

    settings: Settings
    checkpoints: Path | None = None
    stop: Stop | None = None
    quiet: bool = False
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict[str, dict[str, list[float]]])
    """Filled as it trains: the values of each metric on each channel, a round each."""

    def train(self, data: Mapping[str, Any]) -> Any:
        """The booster of matrices by channel, `train` among them."""
        settings = self.settings
        model, before = resumed(self.checkpoints)
        params = {**settings.params, **({"eval_metric": list(settings.metrics)} if settings.metrics else {})}
        return xgboost.train(
            params,
            data["train"],
            num_boost_round=max(0, settings.rounds - before),
            evals=[(matrix, name) for name, matrix in data.items()],
            evals_result=self.curves,  # type: ignore[arg-type]
            custom_metric=Scores(settings.own, settings.objective) if settings.own else None,
            callbacks=list(self._callbacks(before)),
            xgb_model=model,
            verbose_eval=False,
        )

    def _callbacks(self, before: int) -> list[TrainingCallback]:
        found: list[TrainingCallback] = [] if self.quiet else [Lines(before)]
        if self.checkpoints is not None:
            found.append(Checkpoints(self.checkpoints, before))
        if self.stop is not None:
            found.append(self.stop)
        if (rounds := self.settings.patience) is not None:
            watched, better = self.settings.watched, self.settings.maximized
            whole = self.settings.booster == "gblinear"  # whose rounds cannot be taken apart
            found.append(EarlyStopping(rounds, metric_name=watched, maximize=better, save_best=not whole))
        return found
