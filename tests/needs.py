"""What a module of tests cannot do without: it is skipped, or fails where CI wants it."""

from __future__ import annotations

import importlib.util
import os

import pytest

REQUIRED = "POTAGER_TEST_REQUIRE"
"""Names what a test may not be skipped for want of: `postgres`, `chromium`, `notebooks`."""


def needed(what: str, *packages: str) -> None:
    """Skips the module that calls it where one of the packages is absent; an error where `what` is required."""
    absent = [one for one in packages if importlib.util.find_spec(one) is None]
    if not absent:
        return
    text = f"no {' and no '.join(absent)}: pip install {' '.join(absent)}"
    if what in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{text} ({REQUIRED} asks for {what})", pytrace=False)
    pytest.skip(text, allow_module_level=True)
