"""What a script's requirements.txt asks for, held against what is installed.

Nothing is installed for a job yet. A script whose requirements are met already runs; another one is told what to do.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

_WHERE = ("-i ", "--index-url", "--extra-index-url", "--find-links", "-f ", "--trusted-host", "--pre", "--no-index")
"""Options that say where to install from, which does not matter to what is there."""
_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def unmet(file: Path) -> list[str] | None:
    """The lines of a requirements file that are not satisfied here; None where there is no such file."""
    if not file.is_file():
        return None
    lines = file.read_text("utf-8", "replace").replace("\\\n", " ").splitlines()
    asked = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    return [line for line in asked if line and not line.startswith(_WHERE) and not _met(line)]


def _met(line: str) -> bool:
    packaging: Any = _packaging()
    if packaging is None:  # without it only names can be told
        return bool(_BARE.fullmatch(line)) and _installed(line) is not None
    try:
        return _satisfied(packaging.Requirement(re.sub(r"\s--\w.*", "", line)), ())
    except packaging.InvalidRequirement:  # another file, an editable, a URL
        return False


def _satisfied(requirement: Any, extras: tuple[str, ...]) -> bool:
    """Whether a distribution is here, in a version that will do, with what its extras ask for."""
    if requirement.marker and not any(requirement.marker.evaluate({"extra": name}) for name in extras or ("",)):
        return True
    found = _installed(requirement.name)
    if requirement.url or found is None or not requirement.specifier.contains(found, prereleases=True):
        return False
    wanted = tuple(sorted(requirement.extras))
    if not wanted:
        return True
    parts = [_packaging().Requirement(text) for text in requires(requirement.name) or ()]
    return all(_satisfied(part, wanted) for part in parts if part.name != requirement.name)


def _packaging() -> Any:
    try:
        return import_module("packaging.requirements")
    except ImportError:
        return None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def advice(missing: list[str]) -> str:
    """What to tell somebody whose requirements are not met."""
    return (
        f"requirements.txt is not installed yet, and {', '.join(missing)} is not satisfied here. Install into "
        "Potager's environment with: pip install -r requirements.txt"
    )
