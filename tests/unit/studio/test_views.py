"""What every page may show beside its own values."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from potager.studio.views import Views


def test_a_page_cannot_take_a_name_that_the_frame_has(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text("{{ version }} {{ path }} {{ name }}")
    views = Views(tmp_path, version="v1")
    request: Any = SimpleNamespace(
        state=SimpleNamespace(person=None), url=SimpleNamespace(path="/here"), query_params={}
    )
    assert views.text(request, "one.html", name="mine") == "v1 /here mine"
    for taken in ("path", "query", "static", "version", "stages"):
        with pytest.raises(ValueError, match=f"one.html cannot have {taken}"):
            views.text(request, "one.html", **{taken: "mine"})
