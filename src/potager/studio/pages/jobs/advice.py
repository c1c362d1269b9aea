"""What to do about a training job that failed, by what it says."""

from __future__ import annotations

import re

ADVICE = (
    (
        r"Data download failed|No objects|S3 ?prefix|NoSuchKey|NoSuchBucket",
        "Look at the channels below: the bucket and prefix must hold objects before the job starts.",
    ),
    (
        r"CapacityError",
        "The job asks for more than this machine has. Start it again with a smaller instance type, or fewer instances.",
    ),
    (
        r"could not be uploaded",
        "The model could not be kept. Check that the output's bucket is there, and that VolumeSizeInGB is "
        "large enough.",
    ),
    (
        r"pip install|which Potager's environment does not have",
        "Install what the message names in the environment that runs Potager, then start the job again.",
    ),
    (
        r"[Oo]ut of memory|MemoryError|memory limit|SIGKILL|exit code 137",
        "The program used more memory than its instance has. Take a larger instance type, or read the data in parts.",
    ),
    (
        r"No space left|disk",
        "The volume is full. Set VolumeSizeInGB higher, or write less.",
    ),
    (
        r"ModuleNotFoundError|No module named",
        "The script imports a package that is not there. Name it in requirements.txt beside the script.",
    ),
    (
        r"[Hh]yperparameter",
        "Correct the hyperparameter that the message names. The overview shows all of them with their defaults.",
    ),
    (
        r"InternalServerError",
        "Potager itself failed. Try again; if it fails again, look at the server's own log and report it.",
    ),
    (
        r"AlgorithmError|ExecuteUserScriptError|exit code",
        "The program ended with an error. Its last words are in the log.",
    ),
    (
        r"ClientError",
        "The message names what was asked wrongly. Start the job again with that changed.",
    ),
)

TIME_UP = "The job ran for as long as its StoppingCondition allows. Start it again with a longer MaxRuntimeInSeconds."


def advice(reason: str, secondary: str = "") -> str:
    """A sentence or two; "" where there is nothing to say."""
    if secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        return TIME_UP
    return next((text for pattern, text in ADVICE if re.search(pattern, reason)), "")
