"""SDK v2's `Transformer`, unchanged, under `potager run`."""

from pathlib import Path

from tests.clients.test_sdks import ROOT, run


def test_sdk_v2_transforms_filters_and_joins_with_its_transformer(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_transform.py", tmp_path)
    assert seen["ids"] == list(range(200))
    assert seen["accuracy"] > 0.9
    assert 0 <= seen["scores"][0] < 0.5 < seen["scores"][1] <= 1
    assert seen["status"] == "Completed"
