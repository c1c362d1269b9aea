"""Hyperparameters as a script gets them: decoded, split from the platform's own, and as arguments.

Follows `sagemaker_training/mapping.py` and `params.py` (https://github.com/aws/sagemaker-training-toolkit).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

PREFIX = "sagemaker_"
"""How the names of hyperparameters begin that are the platform's."""

PLATFORM = frozenset(
    {
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "default_user_module_name",
        "_tuning_objective_metric",
        "sagemaker_s3_output",
    }
)
"""Names that no script gets to see; others with the prefix are a framework's parameters."""


def decoded(given: Mapping[str, str]) -> dict[str, Any]:
    """Hyperparameters with the values that their texts spell in JSON; a text that is none stands for itself.

    >>> decoded({"epochs": "3", "name": '"3"', "path": "a b"})
    {'epochs': 3, 'name': '3', 'path': 'a b'}
    """
    return {name: _value(text) for name, text in given.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def own(values: Mapping[str, Any]) -> dict[str, Any]:
    """The user's."""
    return {name: value for name, value in values.items() if not _platform(name)}


def framework(values: Mapping[str, Any]) -> dict[str, Any]:
    """The framework's: `sagemaker_mpi_enabled` and its like."""
    return {name: value for name, value in values.items() if _platform(name) and name not in PLATFORM}


def _platform(name: str) -> bool:
    return name in PLATFORM or name.startswith(PREFIX)


def command_line(values: Mapping[str, Any]) -> list[str]:
    """Arguments, by name: `--name value`, `-n value` for a name of one letter.

    >>> command_line({"n": 3, "flag": True, "none": None, "list": [1, "x"], "map": {"k": 1}})
    ['--flag', 'True', '--list', "[1, 'x']", '--map', 'k=1', '-n', '3', '--none', '']
    """
    return [part for name in sorted(values) for part in (_option(name), _text(values[name]))]


def _option(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return ",".join(f"{name}={items[name]}" for name in sorted(items))
    return str(value)
