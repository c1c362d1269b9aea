"""A job's `data-log`: what happened to its objects, as SageMaker writes it beside the model's own log."""

from __future__ import annotations

from pathlib import Path

from potager.kernel import clock, logfile

GROUP = "/aws/sagemaker/TransformJobs"


class Journal:
    """Appends lines to a log file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, text: str) -> None:
        """One line, stamped with the present time."""
        line = logfile.encode(int(clock.now() * 1000), f"[sagemaker logs]: {text}")
        with self._path.open("ab") as file:
            file.write(line)
