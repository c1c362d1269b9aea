"""The charts of a tuning job, as data for `<po-chart>`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potager.studio.trials import Group, Trial, shown
from potager.train.tuning.insight import LOGARITHMIC, Choice, Range, unquoted

Data = dict[str, Any]


def course(groups: Sequence[Group]) -> Data:
    """The objective by trial, in order, and the best so far; a definition each where there are several."""
    series: list[Data] = []
    for group in groups:
        of = f" of {group.name}" if len(groups) > 1 else ""
        stopped = [each for each in group.told if each[0].status == "Stopped"]
        whole = [each for each in group.told if each[0].status != "Stopped"]
        series.append({"name": f"best so far{of}", "points": _best(group), "step": True})
        series.append({"name": f"completed{of}", "points": _points(whole), "bare": True, "symbol": "circle"})
        if stopped:
            series.append(
                {"name": f"stopped early{of}", "points": _points(stopped), "bare": True, "symbol": "triangle"}
            )
    metrics = dict.fromkeys(group.metric for group in groups)
    some = any(group.told for group in groups)
    return {
        "kind": "lines",
        "x": {"name": "trial"},
        "y": {"name": ", ".join(metrics)},
        "series": series if some else [],
    }


def _points(told: Sequence[tuple[Trial, float]]) -> list[list[float]]:
    return [[trial.number, value] for trial, value in told]


def _best(group: Group) -> list[list[float]]:
    points: list[list[float]] = []
    for trial, value in group.told:
        if not points or (value > points[-1][1] if group.maximize else value < points[-1][1]):
            points.append([trial.number, value])
    last = group.told[-1][0].number if group.told else 0
    return points if not points or points[-1][0] == last else [*points, [last, points[-1][1]]]


def parallel(group: Group) -> Data:
    """Every trial that has an objective as a line through its hyperparameters to what came of them."""
    best = group.best()
    ranges = group.space.ranges
    return {
        "kind": "parallel",
        "axes": [*(_axis(each) for each in ranges), {"name": group.metric}],
        "rows": [
            {
                "name": f"trial {trial.number}",
                "values": [*(shown(each, trial.values.get(each.name, "")) for each in ranges), value],
                "best": trial is best,
            }
            for trial, value in group.told
        ],
        "shade": len(ranges),
        "low": not group.maximize,
    }


def scatter(group: Group, range_: Range) -> Data:
    """One hyperparameter against the objective."""
    series: list[Data] = []
    for name, symbol, status in (("completed", "circle", "Completed"), ("stopped early", "triangle", "Stopped")):
        points = [
            [shown(range_, trial.values[range_.name]), value, f"trial {trial.number}"]
            for trial, value in group.told
            if trial.status == status and range_.name in trial.values
        ]
        if points:
            series.append({"name": name, "points": points, "symbol": symbol})
    return {"kind": "scatter", "x": _axis(range_), "y": {"name": group.metric}, "series": series}


def _axis(range_: Range) -> Data:
    if isinstance(range_, Choice):
        return {"name": range_.name, "values": [unquoted(value) for value in range_.values]}
    return {"name": range_.name, "type": "log" if range_.scaling == LOGARITHMIC else "value"}
