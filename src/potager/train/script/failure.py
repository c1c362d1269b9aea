"""Why a script failed, out of the last lines of its log, in the form that `sagemaker-training` gives it.

AlgorithmError: ExecuteUserScriptError:
ExitCode 1
ErrorMessage "ValueError: no such column"
Command "python train.py --depth 3"
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

LINES = 400
"""Lines at the end of a log that are looked at."""
MOST = 512
"""Characters of the message that are kept, so that the command stays readable in 1,024."""


def reason(events: Iterable[tuple[int, str]], command: str, code: int) -> str:
    """The FailureReason of a script.

    Parameters
    ----------
    events : timestamp and text of each log line, oldest first.
    command : as the log shows it; what stands above it is not the script's.
    code : its exit code, negative for the signal that ended it.
    """
    lines = [text for _, text in deque(events, LINES)]
    if command in lines:
        lines = lines[len(lines) - lines[::-1].index(command) :]
    said = message(lines)[:MOST]
    return f'AlgorithmError: ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\nCommand "{command}"'


def message(lines: list[str]) -> str:
    """The exception at the end of the last traceback and what follows it; the last line where there is no traceback."""
    start = next((at for at in range(len(lines), 0, -1) if lines[at - 1].startswith("Traceback (most recent")), None)
    if start is not None:
        said = next((at for at in range(start, len(lines)) if lines[at] and not lines[at][0].isspace()), len(lines))
        return "\n".join(lines[said:]).strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
