"""A tuning job in a browser: how it goes, what it found, what mattered, which trials failed and why."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clients.tuning import HEIGHT, Tuning, value
from tests.studio.conftest import Studio, Visitor

STEEP = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("-x", type=float)
    parser.add_argument("--shape")
    given, _ = parser.parse_known_args()
    if given.x > 0.9:
        raise ValueError("x is too high up")
    print("height=%.6f;" % (-(given.x - 0.3) ** 2 - 0.01 * (given.shape == "flat")))
"""
"""Highest at x = 0.3; there is nothing above 0.9."""

RANGES = {
    "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}],
    "CategoricalParameterRanges": [{"Name": "shape", "Values": ["round", "flat"]}],
}
WAITS = """
    import signal
    print("height=0.5;", flush=True)
    while True:
        signal.pause()
"""


@pytest.fixture(scope="module")
def tuning(server: Any) -> Tuning:
    return Tuning(server)


@pytest.fixture(scope="module")
def steep(tuning: Tuning) -> str:
    """A tuning job that has ended, of whose trials some have failed."""
    job = tuning.start("steep", train=STEEP, jobs=22, parallel=4, ranges=RANGES)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"]["NonRetryableError"], "none failed"
    assert seen["TrainingJobStatusCounters"]["Completed"] >= 14
    return job


def test_what_was_found_is_shown_and_leads_on(studio: Studio, steep: str, tuning: Tuning) -> None:
    best = tuning.describe(steep)["BestTrainingJob"]
    page = studio.visit(f"/tuning-jobs/{steep}", check=False)
    assert page.get_by_role("progressbar", name="Progress").get_attribute("max") == "22"
    page.locator("po-chart[drawn]").nth(4).wait_for()
    page.get_by_text("Part of the objective's variance").wait_for()
    studio.check()
    assert "foretells" in page.inner_text("main")
    assert page.get_by_role("link", name=best["TrainingJobName"]).count() == 2
    deploy = page.get_by_role("link", name="Deploy best").get_attribute("href")
    assert deploy == f"/_studio/new/endpoint?job={best['TrainingJobName']}"
    again = page.get_by_role("link", name="Train again").get_attribute("href")
    assert again == f"/_studio/new/training-job?like={best['TrainingJobName']}"
    rows = page.locator("#trials tbody tr")
    page.locator("#trials thead").get_by_role("link", name="height").click()
    page.locator("#trials th[aria-sort=ascending]", has_text="height").wait_for()
    page.locator("#trials thead").get_by_role("link", name="height").click()
    page.locator("#trials th[aria-sort=descending]", has_text="height").wait_for()
    assert "sort=objective" in page.url
    assert best["TrainingJobName"] in rows.first.inner_text()
    assert "best" in rows.first.inner_text()
    page.get_by_label("Status").select_option("Failed")
    expect(rows.filter(has_not_text="Failed")).to_have_count(0)
    assert rows.filter(has_text="x is too high up").count()
    studio.check()


def test_every_trial_is_in_the_csv(visitor: Visitor, steep: str, tuning: Tuning) -> None:
    rows = list(csv.DictReader(io.StringIO(visitor.get(f"/tuning-jobs/{steep}/trials.csv").text)))
    trials = {each["TrainingJobName"]: each for each in tuning.trials(steep)}
    assert {row["training_job"] for row in rows} == set(trials)
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 23)]
    for row in rows:
        trial = trials[row["training_job"]]
        assert row["x"] == trial["TunedHyperParameters"]["x"]
        assert row["status"] == trial["TrainingJobStatus"]
        if row["height"]:
            assert float(row["height"]) == value(trial)
        else:
            assert "x is too high up" in row["failure_reason"]


def test_charts_have_every_trial_and_the_best_so_far(visitor: Visitor, steep: str) -> None:
    course = visitor.get(f"/tuning-jobs/{steep}/charts/course").json
    best, completed = course["series"]
    assert course["done"]
    heights = [each[1] for each in completed["points"]]
    assert [each[1] for each in best["points"]] == sorted(each[1] for each in best["points"])
    assert best["points"][-1][1] == max(heights)
    lines = visitor.get(f"/tuning-jobs/{steep}/charts/parallel").json
    assert [each["name"] for each in lines["axes"]] == ["shape", "x", "height"] or len(lines["axes"]) == 3
    assert [row["values"][-1] for row in lines["rows"]] == heights
    assert sum(row["best"] for row in lines["rows"]) == 1
    by_shape = visitor.get(f"/tuning-jobs/{steep}/charts/scatter?by=shape").json
    assert by_shape["x"]["values"] == ["round", "flat"]
    assert {point[0] for point in by_shape["series"][0]["points"]} <= {"round", "flat"}


def test_it_goes_on_before_the_reader_and_is_stopped(studio: Studio, tuning: Tuning) -> None:
    job = tuning.start("endless", train=WAITS, jobs=30, parallel=2)
    page = studio.visit(f"/tuning-jobs/{job}", check=False)
    page.locator("#trials tbody tr", has_text="InProgress").nth(1).wait_for()
    studio.check()
    assert "It takes 12 completed trials" in page.inner_text("main")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_role("heading", level=1).get_by_text("Stopped").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    page.locator("#trials tbody tr", has_text="Stopped").nth(1).wait_for()
    assert tuning.ended(job)["HyperParameterTuningJobStatus"] == "Stopped"


def test_several_definitions_stand_beside_each_other(visitor: Visitor, tuning: Tuning) -> None:
    goal = {"Type": "Maximize", "MetricName": "height"}
    several = [
        {**tuning.definition(name, STEEP, static={"shape": "round"}), "DefinitionName": name, "TuningObjective": goal}
        | {"HyperParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0.1", "MaxValue": "0.6"}]}}
        for name in ("first", "second")
    ]
    config = tuning.config(jobs=4, objective=None, ranges=None)
    job = tuning.create("several", config, None, TrainingJobDefinitions=several)
    assert tuning.ended(job)["HyperParameterTuningJobStatus"] == "Completed"
    shown = visitor.get(f"/tuning-jobs/{job}?definition=second").text
    assert 'aria-current="page">second' in shown
    assert shown.count('class="prose"') == 2
    names = [each["name"] for each in visitor.get(f"/tuning-jobs/{job}/charts/course").json["series"]]
    assert "best so far of first" in names
    assert "completed of second" in names
    assert HEIGHT["Name"] in shown


def test_a_child_names_its_parents(visitor: Visitor, tuning: Tuning, steep: str) -> None:
    config = tuning.config(jobs=1, ranges=RANGES, strategy="Bayesian")
    parents = {
        "WarmStartType": "TransferLearning",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": steep}],
    }
    job = tuning.create("child", config, tuning.definition("child", STEEP), WarmStartConfig=parents)
    tuning.ended(job)
    shown = visitor.get(f"/tuning-jobs/{job}").text
    assert f'href="/_studio/tuning-jobs/{steep}"' in shown
    assert "TransferLearning" in shown
