"""Draws `results.json` for README and docs: `python -m benchmarks.hosting.chart`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.hosting.compare import RESULTS

PICTURE = "docs/images/hosting.svg"
OURS, OTHERS = "#2f7d4f", "#b9bdb6"


def main() -> None:
    """Requests a second at 1 and 32 connections, one row of JSON a request, everybody who was measured."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams |= {"svg.hashsalt": "potager", "font.size": 9}
    found: list[dict[str, Any]] = json.loads(Path(RESULTS).read_text())
    rows = [
        row for row in found if row["model"] == "xgboost" and row["kind"] == "json" and "no server" not in row["who"]
    ]
    figure, sides = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
    for side, connections in zip(sides, (1, 32), strict=True):
        shown = [row for row in rows if row["connections"] == connections]
        shown.sort(key=lambda row: [each["rate"] for each in rows if each["who"] == row["who"]][1])
        colours = [OURS if row["who"] == "Potager" else OTHERS for row in shown]
        bars = side.barh([row["who"] for row in shown], [row["rate"] for row in shown], color=colours)
        side.bar_label(bars, [f" {row['rate']:,} /s, p99 {row['p99']:.3g} ms" for row in shown], fontsize=8)
        side.set_title(f"{connections} connection{'s' if connections > 1 else ''}", loc="left", fontsize=9)
        side.set_xlim(0, max(row["rate"] for row in shown) * 1.55)
        side.spines[:].set_visible(False)
        side.set_xticks([])
        side.tick_params(length=0)
    Path(PICTURE).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
