"""Each kind of chart is drawn, has its data as a table, and can be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

CHARTS: dict[str, dict[str, Any]] = {
    "lines": {
        "kind": "lines",
        "x": {"name": "epoch"},
        "y": {"name": "loss", "type": "log"},
        "series": [
            {"name": "train", "points": [[1, 0.5], [2, 0.25]]},
            {"name": "validation", "points": [[2, 0.3]], "dashed": True},
            {"name": "trials", "points": [[1, 0.4], [2, 0.5]], "bare": True, "symbol": "triangle"},
            {"name": "best", "points": [[1, 0.4], [2, 0.4]], "step": True},
        ],
        "marks": [{"x": 2, "text": "best"}],
    },
    "scatter": {
        "kind": "scatter",
        "x": {"name": "a"},
        "y": {"name": "b"},
        "series": [{"name": "one", "points": [[1, 2], [1, 3]]}],
    },
    "words": {
        "kind": "scatter",
        "x": {"name": "booster", "values": ["gbtree", "dart"]},
        "y": {"name": "auc"},
        "series": [{"name": "one", "points": [["dart", 0.7, "first"], ["dart", 0.8, "second"]]}],
    },
    "bars": {
        "kind": "bars",
        "x": {"values": ["age", "sum"]},
        "y": {},
        "series": [{"name": "gain", "values": [3, 1]}],
        "across": True,
    },
    "heat": {
        "kind": "heat",
        "x": {"values": ["no", "yes"]},
        "y": {"values": ["no", "yes"]},
        "cells": [[0, 0, 9], [1, 1, 4], [0, 1, 1], [1, 0, 2]],
    },
    "parallel": {
        "kind": "parallel",
        "axes": [{"name": "eta", "type": "log"}, {"name": "booster", "values": ["gbtree", "dart"]}, {"name": "auc"}],
        "rows": [
            {"name": "one", "values": [0.1, "dart", 0.7], "best": True},
            {"name": "two", "values": [0.3, "gbtree", 0.6]},
        ],
        "shade": 2,
    },
    "none": {"kind": "lines", "x": {}, "y": {}, "series": []},
}

INSERT = """([title, data]) => {
  const chart = document.createElement("po-chart");
  chart.setAttribute("title", title);
  const inside = Object.assign(document.createElement("script"), { type: "application/json", textContent: data });
  chart.append(inside);
  document.querySelector("#main").append(chart);
}"""


@pytest.mark.parametrize("kind", CHARTS)
def test_a_chart_is_drawn_with_its_data_below(studio: Any, kind: str) -> None:
    page = studio.visit("/", check=False)
    page.evaluate(f'() => import("{page.url}static/charts.js")')
    page.evaluate(INSERT, ["What is shown", json.dumps(CHARTS[kind])])
    chart = page.locator("po-chart")
    if kind == "none":
        chart.locator(".none").wait_for()
        return
    chart.locator("canvas").first.wait_for()
    chart.get_by_text("Data", exact=True).click()
    studio.check()
    assert chart.locator("tr").count() >= (3 if kind in ("scatter", "words") else 2)
    for form, start in (("CSV", b""), ("PNG", b"\x89PNG")):
        with page.expect_download() as kept:
            chart.get_by_role("button", name=f"Download {form}").click()
        content = kept.value.path().read_bytes()
        assert content.startswith(start)
        assert len(content) >= 10


def test_a_chart_follows_light_and_dark(studio: Any) -> None:
    page = studio.visit("/", check=False)
    page.evaluate(f'() => import("{page.url}static/charts.js")')
    page.evaluate(INSERT, ["What is shown", json.dumps(CHARTS["lines"])])
    page.locator("po-chart canvas").first.wait_for()
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        studio.check()
