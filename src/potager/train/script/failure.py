"""Why a script failed, out of the last lines of its log, in the form that `sagemaker-training` gives it.

AlgorithmError: ExecuteUserScriptError:
ExitCode 1
ErrorMessage "ValueError: no such column"
Command "python train.py --depth 3"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from potager.kernel import lastwords

MOST = 512
"""Characters of the message that are kept, so that the command stays readable in 1,024."""

_RANK = re.compile(r"^\[rank\d+\]: ?")
_REPORT = re.compile(r"torch[./]distributed[./]elastic.*failed \(exitcode: ")


def reason(events: Iterable[tuple[int, str]], command: str, code: int) -> str:
    """The FailureReason of a script.

    Parameters
    ----------
    events : timestamp and text of each log line, oldest first.
    command : as the log shows it; what stands above it is not the script's.
    code : its exit code, negative for the signal that ended it.
    """
    said = lastwords.spoken(_own(events), command)[:MOST]
    return f'AlgorithmError: ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\nCommand "{command}"'


def _own(events: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """What the script said: without the rank that torch puts before it, and without torchrun's report on its end."""
    for at, text in events:
        if _REPORT.search(text):
            return
        yield at, _RANK.sub("", text)
