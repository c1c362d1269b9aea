"""The processing job: /opt/ml/processing/input to /opt/ml/processing/output/profile.json.

Variables of the job's Environment: `target` names the column to foretell, `header` ("auto", "true", "false") says
whether the first row names columns, `seed` is the sample's.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import say
from potager.images.profile import FILE
from potager.images.profile.document import document
from potager.images.profile.look import Look
from potager.images.profile.reading import Table

INPUT, OUTPUT = "processing/input", "processing/output"
MOST_SEED = 2**32 - 1


def main(ml: Path) -> None:
    """Profiles the table below `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    try:
        run(ml, os.environ)
    except ClientError as error:
        _fail(ml, f"ClientError: {error}", 2)
    except MemoryError:
        _fail(ml, "ClientError: out of memory. Use an instance type with more of it, or fewer columns.", 2)
    except Exception as error:
        say(traceback.format_exc(), "ERROR")
        _fail(ml, f"AlgorithmError: {type(error).__name__}: {error}", 1)


def run(ml: Path, environment: Mapping[str, str]) -> None:
    """The same, with `ClientError` for what is wrong with the table or a variable."""
    began = time.monotonic()
    seed, asked, header = _seed(environment), environment.get("target", ""), environment.get("header", "auto")
    if header not in ("auto", "true", "false"):
        raise ClientError(f"The variable 'header' is '{header}'. Use auto, true or false.")
    folder = ml / INPUT
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    paths = [path for path in files if not path.name.startswith((".", "_"))] or files
    if not paths:
        raise ClientError(f"/opt/ml/{INPUT} holds no file. Give a ProcessingInput of that LocalPath.")
    look = Look(Table(paths, header), seed, frozenset((asked,)) - {""})
    if not look.names:
        raise ClientError(f"{', '.join(path.name for path in paths)[:200]}: there are blank lines only.")
    say(f"Read {look.rows:,} rows of {len(look.names):,} columns in {time.monotonic() - began:.2f} s")
    with np.errstate(over="ignore", invalid="ignore"):  # what cannot be told of numbers near 1e308 is null
        told = document(look, asked, seed)
    output = ml / OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    (output / FILE).write_text(
        json.dumps(told, ensure_ascii=False, allow_nan=False), encoding="utf-8", errors="replace"
    )
    say(f"Wrote {FILE}: {len(told['warnings'])} warnings, after {time.monotonic() - began:.2f} s")


def _seed(environment: Mapping[str, str]) -> int:
    text = environment.get("seed", "0")
    if not text.isascii() or not text.isdigit() or int(text) > MOST_SEED:
        raise ClientError(f"The variable 'seed' is '{text}'. Use a whole number from 0 to {MOST_SEED}.")
    return int(text)


def _fail(ml: Path, message: str, code: int) -> None:
    message = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in message)
    print(message, flush=True)  # the last line is the job's FailureReason
    (ml / "output").mkdir(parents=True, exist_ok=True)
    (ml / "output" / "message").write_text(message[:1000], encoding="utf-8", errors="replace")
    raise SystemExit(code)
