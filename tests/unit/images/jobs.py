"""A job folder made inline, for tests of the built-in algorithms: hyperparameters, channels, and what a run left."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@dataclass
class Job:
    """One run of the image in a folder of its own."""

    program: Callable[[Path], None]
    """The image's `train.main`."""
    serve: Callable[[Path], Any]
    """The image's `serve.load`."""
    ml: Path
    capture: pytest.CaptureFixture[str]
    log: str = ""

    def channel(self, name: str, content: str | bytes, file: str = "part.csv", **config: str) -> Job:
        path = self.ml / "input" / "data" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        declared = self.ml / "input" / "config" / "inputdataconfig.json"
        declared.parent.mkdir(parents=True, exist_ok=True)
        channels = json.loads(declared.read_text()) if declared.exists() else {}
        declared.write_text(json.dumps(channels | {name: {"TrainingInputMode": "File", **config}}))
        return self

    def rows(self, name: str, features: np.ndarray, labels: np.ndarray, file: str = "part.csv") -> Job:
        """A channel of CSV rows."""
        rows = np.column_stack([labels, features]).tolist()
        return self.channel(name, "".join(",".join(map(repr, row)) + "\n" for row in rows), file)

    def run(self, **hyperparameters: str) -> Job:
        config = self.ml / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
        (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        try:
            self.program(self.ml)
        finally:
            self.log = self.capture.readouterr().out
        return self

    def refusal(self, **hyperparameters: str) -> str:
        """The failure message of a run that the user is to blame for."""
        with pytest.raises(SystemExit) as stop:
            self.run(**hyperparameters)
        message = (self.ml / "output" / "failure").read_text()
        assert stop.value.code == 2
        assert message.startswith("ClientError: ")
        assert message in self.log
        assert not (self.ml / "model").exists()
        return message

    @property
    def evaluation(self) -> Mapping[str, Any]:
        return json.loads((self.ml / "model" / "evaluation.json").read_text())

    def figures(self, channel: str) -> Mapping[str, float]:
        """A channel's figures by the algorithm's own names."""
        return self.evaluation["channels"][channel]["own"]

    @property
    def predictor(self) -> Any:
        return self.serve(self.ml / "model")

    def metric(self, regex: str) -> list[float]:
        return [float(found) for found in re.findall(regex, self.log)]
