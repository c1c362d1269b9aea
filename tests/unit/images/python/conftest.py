from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potager.images.python.serve import load


@pytest.fixture
def serve(write: Callable[..., Path]) -> Callable[[str], Any]:
    """The predictor of a script."""
    return lambda text: load(write(text))
