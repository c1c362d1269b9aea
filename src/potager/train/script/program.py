"""Which program of the user's a training job runs, read from its document.

Either the command in `ContainerEntrypoint` and `ContainerArguments`, executed as given; or a script, named by the
hyperparameter `sagemaker_program` and found in `sagemaker_submit_directory`, started as `sagemaker-training` does it
(`sagemaker_training/process.py`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from potager.compute import catalog
from potager.compute.workload import spellable
from potager.kernel.errors import Fault, Invalid, Unserved
from potager.train.script import arguments

_NAME = re.compile(r"(?!-)[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*")


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run.

    argv : the command.
    script : its script's name below the source; None for a command that brings itself.
    source : where the source is: an S3 URI, a path below /opt/ml, or None.
    hyperparameters : the user's, as arguments of the script.
    package : whether the source is a package that is installed, and the script a module.
    """

    argv: tuple[str, ...]
    script: str | None = None
    source: str | None = None
    hyperparameters: tuple[str, ...] = ()
    package: bool = False

    @property
    def command(self) -> str:
        """The command as people read it."""
        return " ".join(self.argv)

    @property
    def python(self) -> bool:
        """Whether it is a Python script."""
        return self.script is not None and (self.package or self.script.endswith(".py"))

    @property
    def module(self) -> Program:
        """The program where its source has a setup.py; a script for the shell stays one."""
        if self.script is None or self.script.endswith(".sh"):
            return self
        given = self.hyperparameters
        return replace(self, argv=("python", "-m", self.script.removesuffix(".py"), *given), package=True)


def wanted(doc: Mapping[str, Any]) -> bool:
    """Whether a job runs a program of the user's, rather than the algorithm that its image has."""
    algorithm = doc["AlgorithmSpecification"]
    image = catalog.find(algorithm.get("TrainingImage", ""))
    if image is None or not image.runs_scripts:
        return False
    return not image.objectives or _named(doc)


def _named(doc: Mapping[str, Any]) -> bool:
    algorithm, given = doc["AlgorithmSpecification"], {**doc.get("HyperParameters", {}), **doc.get("Environment", {})}
    return any(map(algorithm.get, ("ContainerEntrypoint", "ContainerArguments"))) or any(
        name in given
        for name in (
            "sagemaker_program",
            "sagemaker_submit_directory",
            "SAGEMAKER_PROGRAM",
            "SAGEMAKER_SUBMIT_DIRECTORY",
        )
    )


def check(doc: Mapping[str, Any]) -> None:
    """`Invalid` where a script's job names no good program."""
    for text in (*of(doc).argv, *doc.get("Environment", {}).values()):
        if not spellable(text):
            raise Invalid(
                f"{text[:80]!r} cannot be an argument or a variable of a program. Take NUL and surrogates out."
            )


def of(doc: Mapping[str, Any]) -> Program:
    """The program that a job's document names; `Invalid` when it names none, or none that is allowed."""
    algorithm = doc["AlgorithmSpecification"]
    entrypoint, given = algorithm.get("ContainerEntrypoint"), algorithm.get("ContainerArguments", ())
    if entrypoint:
        return Program((*entrypoint, *given))
    if given:
        raise Unserved("ContainerArguments without ContainerEntrypoint are not served. Give the whole command.")
    return _script(doc)


def _script(doc: Mapping[str, Any]) -> Program:
    values = arguments.decoded(doc.get("HyperParameters", {}))
    environment = doc.get("Environment", {})
    name = environment.get("SAGEMAKER_PROGRAM") or values.get("sagemaker_program")
    if not name:
        raise _nameless(doc["AlgorithmSpecification"]["TrainingImage"])
    name = str(name)
    if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise Invalid(
            f"The program '{name}' cannot be used: expected a path inside the source, of letters, digits, '.', '_', "
            "'+', '-' and '/', not starting with '-' or '/', such as 'train.py' or 'bin/train.sh'."
        )
    source = values.get("sagemaker_submit_directory") or environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
    given = tuple(arguments.command_line(arguments.own(values)))
    return Program(argv(name, given), name, str(source) if source else None, given)


def _nameless(uri: str) -> Fault:
    """What to say of a job that names no program, on an image that runs one."""
    remedy = "Set the hyperparameters sagemaker_program and sagemaker_submit_directory, or ContainerEntrypoint."
    return Invalid(f"The image {uri} runs a program of yours, and the job names none. {remedy}")


def argv(script: str, given: Sequence[str]) -> tuple[str, ...]:
    """The command that runs a script with the user's hyperparameters as its arguments."""
    if script.endswith(".py"):
        return ("python", script, *given)
    return ("/bin/sh", "-c", " ".join(["./" + shlex.quote(script), *map(shlex.quote, given)]))
