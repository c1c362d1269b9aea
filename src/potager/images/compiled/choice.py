"""Which program serves a model: the first of those that are wanted, are here, and answer as the model does.

POTAGER_COMPILE of the model: `auto`, which is the default; `onnx`, `gtil` or `numpy`, that one or none; `off`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.compiled import parity
from potager.images.compiled.forest import Floats
from potager.images.python.errors import BrokenModel

VARIABLE = "POTAGER_COMPILE"
INSTALL = "pip install 'potager[fast]'"
_WANTED: Mapping[str, tuple[str, ...]] = {
    "": ("onnx", "gtil", "numpy"),
    "auto": ("onnx", "gtil", "numpy"),
    "onnx": ("onnx",),
    "gtil": ("gtil",),
    "numpy": ("numpy",),
    "off": (),
}

Program = Callable[[Floats], Any]


class NotCompiled(Exception):
    """A model that cannot be translated; the message says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to serve a model. `make` gives its name with a version, and the program; `NotCompiled`, `ImportError`."""

    kind: str
    make: Callable[[], tuple[str, Program]]


@dataclass(frozen=True, slots=True)
class Choice:
    """The program that was chosen, None where the model's own library serves, and why."""

    program: Program | None
    why: str


def wanted(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The kinds of programs that may serve, best first; `BrokenModel` where the variable says none of them."""
    said = environment.get(VARIABLE, "").strip().lower()
    if said not in _WANTED:
        known = ", ".join(name for name in _WANTED if name)
        raise BrokenModel(f"{VARIABLE} is '{said}'. Set it to one of {known}, or leave it out.")
    return _WANTED[said]


def choose(library: str, candidates: Sequence[Candidate], native: Program, rows: Callable[[], Floats]) -> Choice:
    """The first candidate that is wanted and agrees with `native` on `rows()`, which may say `NotCompiled` itself."""
    kinds = wanted()
    if not kinds:
        return Choice(None, f"served by {library}: {VARIABLE} is off")
    reasons: list[str] = []
    begun = time.monotonic()
    for one in (one for kind in kinds for one in candidates if one.kind == kind):
        try:
            name, program = one.make()
            sample = rows()
            difference = _agreed(program, native, sample)
        except (NotCompiled, parity.Differs) as error:
            reasons.append(f"{one.kind}: {error}")
        except ImportError as error:
            reasons.append(f"{one.kind}: {error.name or error} is not installed ({INSTALL})")
        except Exception as error:
            reasons.append(f"{one.kind}: {type(error).__name__}: {str(error)[:200]}")
        else:
            spent = round((time.monotonic() - begun) * 1000)
            said = f"parity on {len(sample)} rows, largest difference {difference:.1g}, compiled in {spent} ms"
            return Choice(program, f"served by {name}: {said}")
    return Choice(None, f"served by {library}: {'; '.join(reasons) or 'nothing that is wanted fits it'}")


def _agreed(program: Program, native: Program, sample: Floats) -> float:
    """The largest difference on all rows together, and on some by themselves, for which programs have other ways."""
    answers, every = native(sample), 4
    alone = np.concatenate([program(sample[at : at + 1]) for at in range(0, len(sample), every)])
    return max(parity.compare(program(sample), answers), parity.compare(alone, answers[::every]))
