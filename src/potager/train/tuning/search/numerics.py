"""The modules that compute with numpy, which the server imports once something is asked of them."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from potager.compute.process import limits


@cache
def numeric(name: str) -> ModuleType:
    """One of these modules, and with it numpy, whose matrices this process computes on one thread from then on.

    They are small, and threads that wait for each other while trials have the cores take a hundred times as long.
    """
    module = importlib.import_module(f"potager.train.tuning.search.{name}")
    limits.set_threads(1)
    return module
