"""The curves of trials, as their logs grow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from potager.kernel import logfile
from potager.store.rows import Row
from potager.train import attempts, metrics
from potager.train.tuning.curves import Curves

SCORE = {"Name": "score", "Regex": "score=([^ ]+)"}


class Trials:
    """Trials of one definition, each with a log below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.curves = Curves(self.log)

    def log(self, row: Row) -> Path:
        return self.folder / row.name

    def report(self, row: Row, *scores: object) -> None:
        with self.log(row).open("ab") as file:
            file.writelines(logfile.encode(0, f"score={each}") for each in scores)

    async def values(self, *rows: Row) -> list[list[tuple[int, float]]]:
        await self.curves.read(rows)
        return [self.curves.of(row) for row in rows]


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    return Trials(tmp_path)


def trial(name: str, status: str = "InProgress", **doc: Any) -> Row:
    base = {
        "AlgorithmSpecification": {"TrainingImage": "somebody/else:1", "MetricDefinitions": [SCORE]},
        "SecondaryStatus": "Training",
        "_definition": 0,
        "_objective": {"MetricName": "score"},
    }
    return Row("training-job", "0", "r", name, "arn", status, base | doc, 0.0, 0.0, 1)


async def test_reports_are_counted_from_one_as_a_log_grows(trials: Trials) -> None:
    row = trial("a")
    assert await trials.values(row) == [[]]
    trials.report(row, 0.5, 0.25)
    assert await trials.values(row) == [[(1, 0.5), (2, 0.25)]]
    trials.report(row, 0.125)
    assert await trials.values(trial("a", "Completed")) == [[(1, 0.5), (2, 0.25), (3, 0.125)]]


async def test_a_report_that_is_no_finite_number_counts_as_one(trials: Trials) -> None:
    row = trial("a")
    trials.report(row, 0.5, "nan", 0.25)
    [curve] = await trials.values(row)
    assert [step for step, _ in curve] == [1, 2, 3]
    assert math.isnan(curve[1][1])


async def test_a_curve_begins_anew_with_each_attempt_also_for_a_server_that_comes_later(trials: Trials) -> None:
    row = trial("a")
    trials.report(row, 1, 2, 3)
    assert len((await trials.values(row))[0]) == 3
    doc = attempts.renewed(row.doc, "Interrupted", None, 0.0, attempts.logged(trials.log(row)))
    again = trial("a", **doc)
    trials.report(row, 7)
    assert await trials.values(again) == [[(1, 7.0)]]
    assert await Trials(trials.folder).values(again) == [[(1, 7.0)]]


async def test_trials_behind_one_whose_log_took_too_long_are_read_at_the_next_look(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, late, last = rows = [trial(name) for name in ("first", "late", "last")]
    for row in rows:
        trials.report(row, 1)
    follow = metrics.follow

    async def slow(doc: Any, name: str, places: Any) -> Any:
        names = [log.name for log, _ in places]
        if "late" not in names:
            return await follow(doc, name, places)
        before = names.index("late")
        return [*await follow(doc, name, places[:before]), *[None] * (len(names) - before)]

    monkeypatch.setattr(metrics, "follow", slow)
    assert await trials.values(first, late, last) == [[(1, 1.0)], [], []]
    assert await trials.values(first, late, last) == [[(1, 1.0)], [], [(1, 1.0)]]
