"""The tutorials as notebooks, made of programs whose cells begin with `# %%`: there is no second text that could drift.

examples/notebooks/*.py     ─► tutorials/*.ipynb         `# %% [markdown]` begins a text, `# %%` a program
examples/fraud/*.py         ─► tutorials/programs/       what their cells import
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potager.kernel import examples

FOLDER = "tutorials"
"""Where they are put, below the notebooks' folder."""
PROGRAMS = ("claims.py", "columns.py", "errors.py", "evaluate.py", "prepare.py", "registries.py")
"""What their cells import, out of `examples/fraud`."""
_CELL = re.compile(r"^# %%(?: (\[markdown\]))?$", re.MULTILINE)


def names() -> tuple[str, ...]:
    """What there is, without suffix."""
    return tuple(sorted(path.stem for path in examples.folder("notebooks").glob("*.py")))


def notebook(source: str) -> dict[str, Any]:
    """The notebook (nbformat 4.5) that a program of cells stands for; what stands before the first one is left out."""
    return {
        "cells": list(_cells(source)),
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cells(source: str) -> Iterator[dict[str, Any]]:
    _, *parts = _CELL.split(source)
    for number, (kind, text) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
        cell: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}}
        if kind:
            lines = [line.removeprefix("#").removeprefix(" ") for line in text.strip().splitlines()]
            yield cell | {"cell_type": "markdown", "source": "\n".join(lines)}
        else:
            yield cell | {"cell_type": "code", "execution_count": None, "outputs": [], "source": text.strip()}


def lay_out(folder: Path) -> None:
    """Puts the tutorials into a folder of notebooks, once: what somebody has made of them is theirs."""
    target, half = folder / FOLDER, folder / f".{FOLDER}"
    if target.exists() or target.is_symlink() or half.is_symlink():
        return
    shutil.rmtree(half, ignore_errors=True)
    (half / "programs").mkdir(parents=True)
    for name in names():
        text = (examples.folder("notebooks") / f"{name}.py").read_text()
        (half / f"{name}.ipynb").write_text(json.dumps(notebook(text), indent=1, ensure_ascii=False) + "\n")
    for name in PROGRAMS:
        shutil.copyfile(examples.folder("fraud") / name, half / "programs" / name)
    half.rename(target)
