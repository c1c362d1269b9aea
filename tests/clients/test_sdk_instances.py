"""SDK v2, unchanged, training on two instances with torchrun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.test_sdks import ROOT, run


def test_sdk_v2_trains_with_torch_on_two_instances(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_instances.py", tmp_path)
    assert (seen["status"], seen["count"]) == ("Completed", 2)
    assert sorted(seen["files"]) == ["algo-1.pth", "algo-2.pth"]
