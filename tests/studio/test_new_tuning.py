"""A tuning job is started by a form: from a training job, from an algorithm, again; and as code."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.road import Road, wait_for_job
from tests.clients.tuning import HEIGHT, HILL, Tuning
from tests.studio.conftest import Studio, Visitor

SDK = Path(__file__).parents[2] / ".venv/sdk2/bin/python"


@pytest.fixture(scope="module")
def tuning(server: Any) -> Tuning:
    return Tuning(server)


@pytest.fixture(scope="module")
def hill(tuning: Tuning) -> str:
    """A training job with hyperparameters that matter."""
    source = tuning.scripts.source("hill", {"train.py": HILL})
    job = tuning.scripts.start(
        "hill",
        HyperParameters={
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"{source}"',
            "x": "0.5",
            "shape": '"flat"',
        },
        algorithm={"MetricDefinitions": [HEIGHT]},
    )
    assert wait_for_job(tuning.sagemaker, job)["TrainingJobStatus"] == "Completed"
    return job


def test_a_training_job_is_tuned_by_a_form_that_keeps_what_was_typed(studio: Studio, tuning: Tuning, hill: str) -> None:
    page = studio.visit("/tuning-jobs", check=False)
    page.get_by_role("link", name="Start one").click()
    page.get_by_label("Training job", exact=True).fill(hill)
    studio.check()
    page.get_by_role("button", name="Tune it").click()
    page.get_by_label("Objective metric").wait_for()
    studio.check()
    name = tuning.name("by-form")
    page.get_by_label("Name of the tuning job").fill(name)
    page.get_by_role("checkbox", name="x", exact=True).check()
    page.get_by_label("x from").fill("0.9")
    page.get_by_label("x to").fill("0.1")
    page.get_by_label("Trials at most").fill("a few")
    page.get_by_role("button", name="Start tuning").click()
    page.get_by_role("alert").wait_for()
    studio.check()
    assert "From, 0.9, must be less than to, 0.1." in page.inner_text("main")
    assert "'a few' is no whole number." in page.inner_text("main")
    assert page.get_by_label("x from").input_value() == "0.9"
    assert page.get_by_label("Name of the tuning job").input_value() == name
    page.get_by_label("x from").fill("0.0")
    page.get_by_role("checkbox", name="shape", exact=True).check()
    page.get_by_label("Values of shape").fill("round, flat")
    page.get_by_label("Trials at most").fill("3")
    page.get_by_label("Random seed").fill("7")
    page.get_by_role("button", name="As code").click()
    page.get_by_text("create_hyper_parameter_tuning_job").wait_for()
    page.get_by_text("HyperparameterTuner(").wait_for()
    page.get_by_role("button", name="Start tuning").click()
    page.wait_for_url(f"**/tuning-jobs/{name}")
    page.get_by_role("heading", level=1).get_by_text("Completed").wait_for()
    seen = tuning.describe(name)
    assert seen["TrainingJobStatusCounters"]["Completed"] == 3
    config = seen["HyperParameterTuningJobConfig"]
    assert config["RandomSeed"] == 7
    assert config["ParameterRanges"]["CategoricalParameterRanges"] == [
        {"Name": "shape", "Values": ['"round"', '"flat"']}
    ]
    assert set(seen["BestTrainingJob"]["TunedHyperParameters"]) == {"x", "shape"}
    studio.check()


def test_an_algorithm_is_tuned_within_recommended_ranges(visitor: Visitor, server: Any, tuning: Tuning) -> None:
    road = Road(server)
    shown = visitor.get("/new/tuning-job?algorithm=linear-learner").text
    assert 'name="low.learning_rate" value="1e-05"' in shown
    form = fields(shown)
    name = tuning.name("learner")
    form |= {
        "name": name,
        "objective": "validation:objective_loss",
        "uri.train": f"s3://{road.bucket}/train/",
        "uri.validation": f"s3://{road.bucket}/validation/",
        "type.train": "text/csv",
        "type.validation": "text/csv",
        "hp.predictor_type": "binary_classifier",
        "hp.epochs": "2",
        "hp.num_models": "1",
        "tune.learning_rate": "on",
        "tune.wd": "on",
        "jobs": "2",
        "strategy": "Random",
    }
    wrong = visitor.post("/new/tuning-job", {**form, "low.wd": "-5"})
    assert wrong.status == 200
    assert 'id="fault-tune.wd"' in wrong.text
    assert f'value="{name}"' in wrong.text
    made = visitor.post("/new/tuning-job", form)
    assert made.status == 303, re.sub(r"<[^>]+>", " ", made.text)
    seen = tuning.ended(name)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    goal = seen["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert goal == {"Type": "Minimize", "MetricName": "validation:objective_loss"}
    assert seen["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"] == "2"


def test_again_asks_for_the_same_and_may_learn_from_it(visitor: Visitor, tuning: Tuning) -> None:
    first = tuning.start("first", jobs=2, strategy="Bayesian")
    tuning.ended(first)
    form = fields(visitor.get(f"/new/tuning-job?again={first}").text)
    assert (form["tune.x"], form["low.x"], form["high.x"]) == ("on", "0", "1")
    assert (form["jobs"], form["seed"], form["strategy"]) == ("2", "7", "Bayesian")
    name = tuning.name("second")
    absent = visitor.post("/new/tuning-job", {**form, "name": name, "parents": "no-such-job"}).text
    assert "could not be found" in absent
    assert 'id="fault-parents"' in absent
    assert visitor.post("/new/tuning-job", {**form, "name": name, "parents": first}).status == 303
    seen = tuning.ended(name)
    assert seen["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [{"HyperParameterTuningJobName": first}]
    assert 'id="fault-name"' in visitor.post("/new/tuning-job", {**form, "name": name}).text
    assert 'id="fault-ranges"' in visitor.post("/new/tuning-job", {**form, "tune.x": ""}).text


@pytest.mark.parametrize("client", ["boto3", "sdk"])
def test_the_code_of_a_tuning_job_does_the_same(visitor: Visitor, tuning: Tuning, client: str, tmp_path: Path) -> None:
    job = tuning.start(client, jobs=2)
    tuning.ended(job)
    boto3, sdk = (
        html.unescape(text)
        for text in re.findall(r"<pre[^>]*>(.*?)</pre>", visitor.get(f"/tuning-jobs/{job}").text, re.S)[:2]
    )
    program = tmp_path / "program.py"
    program.write_text(boto3 if client == "boto3" else sdk)
    if client == "sdk" and not SDK.exists():
        pytest.skip("the SageMaker SDK is not installed here")
    done = subprocess.run(
        [SDK if client == "sdk" else sys.executable, program],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **tuning.scripts.server.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = tuning.describe(job), tuning.ended(f"{job[:26]}-again")
    assert second["HyperParameterTuningJobStatus"] == "Completed", second
    for member in ("Strategy", "RandomSeed", "HyperParameterTuningJobObjective"):
        assert second["HyperParameterTuningJobConfig"][member] == first["HyperParameterTuningJobConfig"][member]
    before, after = (
        [each["TunedHyperParameters"] for each in tuning.trials(name, SortBy="CreationTime")]
        for name in (job, f"{job[:26]}-again")
    )
    assert before == after


def fields(text: str) -> dict[str, str]:
    """What a form on a page would send."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", text):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in told and (told.get("type") != "checkbox" or " checked" in tag):
            found[told["name"]] = html.unescape(told.get("value", ""))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        first = re.search(r'<option(?: value="([^"]*)")?[^>]*>([^<]*)', options)
        if one := chosen or first:
            found[name] = html.unescape(one[1] if one[1] is not None else one[2])
    found.pop("form_token", None)
    return found
