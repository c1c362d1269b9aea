"""Training jobs side by side."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clients.road import Road
from tests.clients.scripts import Scripts
from tests.studio.conftest import Visitor

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
BROKEN = "raise ValueError('broken on purpose')"


@pytest.fixture(scope="module")
def jobs(server: Any) -> list[str]:
    """Two linear learners that differ in their epochs, and one that failed."""
    road = Road(server)
    names = [
        road.train(name, hyperparameters={"epochs": epochs})["TrainingJobName"]
        for name, epochs in (("short", "1"), ("long", "8"))
    ]
    return [*names, Scripts(server).script("broken", {"train.py": BROKEN})["TrainingJobName"]]


def address(names: list[str], path: str = "") -> str:
    return f"/compare{path}?" + "&".join(f"job={name}" for name in names)


def test_jobs_stand_side_by_side_with_the_best_and_the_differences_marked(studio: Any, jobs: list[str]) -> None:
    page = studio.visit(address(jobs))
    sagemaker = studio.server.client("sagemaker")
    told = [sagemaker.describe_training_job(TrainingJobName=name) for name in jobs[:2]]
    final = [{each["MetricName"]: each["Value"] for each in one["FinalMetricDataList"]} for one in told]
    metric = "validation:objective_loss"
    row = page.get_by_role("region", name="Metrics").get_by_role("row")
    row = row.filter(has=page.get_by_role("rowheader", name=re.compile(f"^{metric}\\s")))
    cells = row.get_by_role("cell").all_inner_texts()
    assert [cell.split()[0] for cell in cells] == [f"{each[metric]:.5g}" for each in final] + ["none"]
    least = min(each[metric] for each in final)
    assert ["best" in cell for cell in cells[:2]] == [each[metric] == least for each in final]
    row = page.get_by_role("region", name="Hyperparameters").get_by_role("row").filter(has_text="epochs")
    assert row.get_by_role("cell").all_inner_texts() == ["1", "8", ""]
    expect(row).to_contain_text("differs")
    expect(page.locator("main")).to_contain_text("broken on purpose")
    page.locator("po-chart canvas").nth(1).wait_for()
    studio.check()


def test_jobs_are_added_and_removed(studio: Any, jobs: list[str]) -> None:
    page = studio.visit("/compare")
    expect(page.get_by_role("heading", name="Nothing to compare yet")).to_be_visible()
    for name in jobs[:2]:
        page.get_by_label("Add a job").fill(name)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("list", name="Jobs")).to_contain_text(name)
    page.get_by_role("link", name=f"Remove {jobs[0]}").click()
    expect(page.get_by_role("list", name="Jobs").get_by_role("listitem")).to_have_count(1)
    assert page.url.endswith(f"/compare?job={jobs[1]}")
    studio.check()


def test_curves_are_overlaid(visitor: Visitor, jobs: list[str]) -> None:
    fragment = visitor.get(address(jobs, "/curves")).text
    assert "metric=objective_loss" in fragment
    assert "metric=progress" not in fragment
    data = visitor.get(address(jobs, "/curves.json") + "&metric=objective_loss").json
    lengths = {each["name"]: len(each["points"]) for each in data["series"]}
    assert lengths == {
        f"{name}, {channel}": epochs
        for name, epochs in ((jobs[0], 1), (jobs[1], 8))
        for channel in ("train", "validation")
    }
    assert data["done"]


def test_the_comparison_is_kept_as_csv(visitor: Visitor, jobs: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(visitor.get(address(jobs, "/table.csv")).text)))
    assert rows[0] == ["kind", "name", *jobs]
    assert [row[2:] for row in rows if row[:2] == ["hyperparameter", "epochs"]] == [["1", "8", ""]]
    assert ["fact", "Status", "Completed", "Completed", "Failed"] in rows
    assert any(row[:2] == ["metric", "validation:roc_auc"] and float(row[2]) > 0.5 for row in rows)


def test_jobs_of_other_algorithms_and_those_that_are_not_there(visitor: Visitor, server: Any, jobs: list[str]) -> None:
    pytest.importorskip("xgboost")
    road = Road(server)
    name = road.start("other", image=XGBOOST)
    other = road.prefix + "-no-such-job"
    text = visitor.get(address([name, *jobs, other])).text
    assert f"There is no training job {other}" in text
    assert "sagemaker-xgboost" in text
    assert visitor.get(address([f"job-{number}" for number in range(20)])).status == 200
