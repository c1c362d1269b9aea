"""What a requirements.txt asks for: held against what is installed, and told apart from what others ask for.

    read(file) ─► lines ─► unmet(lines)      what pip would have to install; nothing of it: the fast path
                       └─► names_source(...) whether it names files beside it, which then count as part of it

Requirements files that it includes are read with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

_OPTION = re.compile(r"(--[\w-]+|-\w)[ =]?(.*)")
_HERE = frozenset({"-e", "--editable"})
_INCLUDE = frozenset({"-r", "--requirement"})
_ASKING = _HERE | _INCLUDE | {"-c", "--constraint"}
"""Options that ask for something; the others say where it comes from, which does not matter to what is there."""
_PLACES = frozenset({"-f", "--find-links", "-i", "--index-url", "--extra-index-url"})
_URL = re.compile(r"(?!file:)[A-Za-z][\w+.-]*://")
_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEEP = 8
"""How deep requirements files may include one another."""
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz")
"""How the names of files end that pip installs, should they be there, before it looks for a package of that name."""
_STRAY = re.compile(r"(?:^|[\s='\"@])(?:/|~\w*/|(?:\w+\+)?file:|(?:[^\s:]*/)?\.\.(?:/|$))")


def read(file: Path) -> list[str]:
    """What a requirements file says, a line a requirement or an option; comments are gone, included files stand in."""
    return list(_lines(file, file.parent, _DEEP))


def _lines(file: Path, base: Path, deep: int) -> Iterator[str]:
    text = file.read_text("utf-8-sig", "replace").replace("\\\n", " ")
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        option, value = _option(line)
        other = file.parent / value if option in _INCLUDE and value else None
        if other and deep and other.is_file() and other.resolve().is_relative_to(base.resolve()):
            yield from _lines(other, base, deep - 1)
        elif line:
            yield line


def _option(line: str) -> tuple[str, str]:
    """The option on a line and its value; two empty texts where it is none. `-rother.txt` is one, too."""
    found = _OPTION.fullmatch(line)
    return (found[1], found[2].strip()) if found else ("", "")


def unmet(lines: Sequence[str]) -> list[str]:
    """The lines that are not satisfied by what is installed here."""
    return [line for line in lines if _option(line)[0] in {"", *_ASKING} and not _met(line)]


def names_source(lines: Sequence[str]) -> bool:
    """Whether a line names a file or a folder: what is in it then counts as part of the requirements."""
    return any(_local(line) for line in lines)


def names_elsewhere(lines: Sequence[str]) -> bool:
    """Whether a line names a file or a folder that is not beside it: what is in it, nobody here can tell."""
    return any(_STRAY.search(line) for line in lines)


def remote(text: str) -> bool:
    """Whether all that a text names, a list of places, is on other machines."""
    return all(_URL.match(word) for word in text.split())


def editable(lines: Sequence[str]) -> bool:
    """Whether a line asks for a package to be used where it lies."""
    return any(_option(line)[0] in _HERE for line in lines)


def _local(line: str) -> bool:
    option, value = _option(line)
    if option:
        return " -" in value or (option in _ASKING | _PLACES and not _URL.match(value))
    where = line.partition("@")[2].strip() or line
    if _URL.match(where):
        return False
    named = re.split(r"[\s;\[]", where, maxsplit=1)[0].lower()
    return "file:" in where or named.endswith(_ARCHIVES) or _requirement(line) is None


def _requirement(line: str) -> Any:
    """The requirement on a line, None where it is none by the rules of names and versions."""
    packaging: Any = _packaging()
    if packaging is None:
        return line if _BARE.fullmatch(line) else None
    try:
        return packaging.Requirement(re.sub(r"\s--\w.*", "", line))
    except packaging.InvalidRequirement:  # another file, an editable, a URL
        return None


def _met(line: str) -> bool:
    requirement = _requirement(line)
    if requirement is None:
        return False
    if isinstance(requirement, str):  # without packaging only names can be told
        return _installed(line) is not None
    return _satisfied(requirement, ())


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
