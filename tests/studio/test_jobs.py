"""A training job's own page: its state, its log and its curves, while it runs and afterwards."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.clients.road import Road, until, wait_for_job
from tests.clients.scripts import Scripts
from tests.studio.conftest import ROOT, Visitor

GATED = """
    import pathlib
    import time

    ml = pathlib.Path("/opt/ml")

    def gate(name):
        (ml / f"at-{name}").touch()
        while not (ml / name).exists():
            time.sleep(0.01)

    print("hello from the script", flush=True)
    gate("first")
    for step in range(3):
        print(f"loss={1 / (step + 1)}", flush=True)
    print("WARNING: <b>bold</b> is no markup", flush=True)
    gate("second")
    print("that was all", flush=True)
"""
BROKEN = """
    def train():
        raise ValueError("the column 'age' is missing")

    print("about to fail")
    train()
"""
LOSS = {"MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}]}


class Gate:
    """A job that goes on when the test says so."""

    def __init__(self, server: Any, name: str, **members: Any) -> None:
        self.scripts = Scripts(server)
        self.name = self.scripts.begin(name, {"train.py": GATED}, algorithm=LOSS, **members)
        self.jobs = Path(server.data) / "jobs"

    def at(self, gate: str) -> list[Path]:
        """The folder that the job knows as /opt/ml, of each host, once it waits at a gate."""
        return until(lambda: list(self.jobs.glob(f"job-*/**/ml/at-{gate}")), f"the job at {gate}")

    def open(self, gate: str) -> None:
        for waiting in self.at(gate):
            (waiting.parent / gate).touch()


@pytest.fixture
def gate(fresh_server: Any) -> Any:
    job = Gate(fresh_server, "gated")
    yield job
    for folder in job.jobs.glob("job-*/**/ml"):
        for name in ("first", "second"):
            (folder / name).touch()
    wait_for_job(job.scripts.road.sagemaker, job.name)


@pytest.fixture(scope="session")
def trained(server: Any) -> dict[str, Any]:
    """A completed job of linear-learner's."""
    return Road(server).train_once()


def test_a_job_is_followed_while_it_runs(fresh_studio: Any, gate: Gate) -> None:
    page = fresh_studio.visit(f"/training-jobs/{gate.name}?tab=log")
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("hello from the script")
    gate.open("first")
    expect(log).to_contain_text("WARNING: <b>bold</b> is no markup")
    expect(log.locator('[data-level="warning"]')).to_have_count(1)
    assert log.evaluate("each => each.scrollHeight - each.clientHeight - each.scrollTop") <= 1
    fresh_studio.check()
    fresh_studio.visit(f"/training-jobs/{gate.name}?tab=curves", check=False)
    page.locator("po-chart canvas").first.wait_for()
    page.locator("po-chart summary").click()
    expect(page.locator("po-chart tr")).to_have_count(4)
    assert page.locator("po-chart td").all_inner_texts() == ["0", "1", "1", "0.5", "2", "0.3333"]
    fresh_studio.check()
    expect(page.get_by_role("heading", level=1)).to_contain_text("InProgress")
    gate.open("second")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")
    expect(page.get_by_role("list", name="What it did")).to_contain_text("Uploading")
    expect(page.get_by_role("link", name="Deploy")).to_have_attribute("href", f"{ROOT}/new/endpoint?job={gate.name}")


def test_a_job_is_stopped_after_a_question(fresh_studio: Any, gate: Gate) -> None:
    gate.at("first")
    page = fresh_studio.visit(f"/training-jobs/{gate.name}")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Cancel").click()
    assert (
        gate.scripts.road.sagemaker.describe_training_job(TrainingJobName=gate.name)["TrainingJobStatus"] != "Stopping"
    )
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop the job").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_job_that_failed_says_why_and_where(studio: Any) -> None:
    job = Scripts(studio.server).script("broken", {"train.py": BROKEN})
    page = studio.visit(f"/training-jobs/{job['TrainingJobName']}")
    said = page.get_by_role("region", name="Why it failed")
    expect(said).to_contain_text("the column 'age' is missing")
    expect(said).to_contain_text("Its last words are in the log")
    said.get_by_text("Last lines of its log").click()
    expect(said.locator("pre")).to_contain_text("about to fail")
    said.get_by_role("link").click()
    expect(page.locator('po-log [data-level="error"]').first).to_be_visible()
    studio.check()


def test_the_overview_tells_what_went_in_and_came_out(studio: Any, trained: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}")
    text = page.locator("main").inner_text()
    assert trained["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] in text
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] in text
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="mini_batch_size", exact=True))
    assert row.get_by_role("cell").all_inner_texts()[:2] == ["100", "1000"]
    page.get_by_text("more are at their defaults").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="l1", exact=True))
    assert row.get_by_role("cell").all_inner_texts()[:2] == ["auto", "auto"]
    studio.check()
    assert page.get_by_role("link", name="model.tar.gz").get_attribute("href").startswith(f"{ROOT}/data/road-")


def test_curves_are_what_the_metrics_say(studio: Any, trained: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}?tab=curves", check=False)
    page.locator("po-chart canvas").first.wait_for()
    studio.check()
    page.get_by_role("link", name="by time").click()
    page.locator("po-chart canvas").first.wait_for()
    page.get_by_role("link", name="logarithmic").click()
    page.locator("po-chart canvas").first.wait_for()
    assert re.search(r"x=time&y=log", page.url)
    last = {each["MetricName"]: each["Value"] for each in trained["FinalMetricDataList"]}
    found = Visitor(studio.server).sign_in()
    data = found.get(f"/training-jobs/{trained['TrainingJobName']}/curves.json?metric=objective_loss").json
    assert data["done"] is True
    values = {each["name"]: each["points"][-1][1] for each in data["series"]}
    assert values == pytest.approx({name: last[f"{name}:objective_loss"] for name in ("train", "validation")})


def test_the_log_is_searched_narrowed_and_kept(studio: Any, trained: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}?tab=log")
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("Evaluation of train")
    page.get_by_label("Search the log").fill("evaluation of TRAIN")
    expect(log.locator("p:visible")).to_have_count(1)
    page.get_by_label("Search the log").fill("Verdict")
    page.get_by_label("Search the log").press("Enter")
    expect(page.locator("po-log [role=status]")).to_contain_text("1 lines of the whole log")
    page.get_by_label("Search the log").fill("")
    expect(log).to_contain_text("Evaluation of train")
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download").click()
    assert "Verdict on fit" in kept.value.path().read_text()


def test_the_evaluation_is_what_evaluation_json_says(studio: Any, trained: dict[str, Any]) -> None:
    bucket, _, key = trained["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    body = studio.server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert tar.getnames()[0] == "evaluation.json"
        told = json.load(tar.extractfile("evaluation.json"))  # type: ignore[arg-type]
    held = told["channels"]["validation"]
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}?tab=evaluation")
    expect(page.get_by_role("region", name="Verdict")).to_contain_text(told["verdict"]["reason"])
    table = page.get_by_role("region", name="Metrics")
    for metric in ("accuracy", "roc_auc", "log_loss", "brier"):
        row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(f"^{metric} ")))
        cells = row.get_by_role("cell").all_inner_texts()
        values = [told["channels"][channel]["metrics"][metric] for channel in told["channels"]]
        assert cells[: len(values)] == [f"{value:.4g}" for value in values]
    matrix = held["confusion_matrix"]
    chart = page.locator("po-chart").filter(has_text="Confusion matrix")
    chart.locator("summary").click()
    assert chart.locator("td").all_inner_texts()[1] == f"{matrix[0][0]:g} ({matrix[0][0] / sum(matrix[0]):.0%})"
    for title in (
        "Importance of features",
        "ROC",
        "Precision and recall",
        "Calibration",
        "Learning curve: objective_loss",
    ):
        page.locator("po-chart").filter(has_text=title).locator("canvas").first.wait_for()
    studio.check()


def test_a_threshold_is_chosen_in_the_browser(studio: Any, trained: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}?tab=evaluation&channel=train", check=False)
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    table = page.locator("po-threshold table")
    expect(table).to_contain_text("Recall\t1", use_inner_text=True)
    rows = [line.split("\t") for line in table.inner_text().splitlines()]
    positives, negatives = (float(rows[place][1]) for place in (1, 2))
    assert positives + negatives == 600
    page.keyboard.press("End")
    expect(page.locator("po-threshold output")).to_have_text("above every score")
    expect(table).to_contain_text("Recall\t0", use_inner_text=True)
    expect(table).to_contain_text("Precision\tnone", use_inner_text=True)
    page.keyboard.press("ArrowLeft")
    expect(table).to_contain_text("Precision\t1", use_inner_text=True)


def test_a_program_s_own_evaluation_is_shown_as_it_is(visitor: Visitor, server: Any) -> None:
    script = """
        import pathlib
        pathlib.Path("/opt/ml/model/evaluation.json").write_text('{"schema": "potager.evaluation", "kappa": "<b>0.7"}')
    """
    job = Scripts(server).script("own", {"train.py": script})
    text = visitor.get(f"/training-jobs/{job['TrainingJobName']}?tab=evaluation").text
    assert "&#34;kappa&#34;: &#34;&lt;b&gt;0.7" in text
    bare = Scripts(server).script("bare", {"train.py": "print('nothing')"})
    assert "No evaluation" in visitor.get(f"/training-jobs/{bare['TrainingJobName']}?tab=evaluation").text


def test_a_regression_shows_what_it_predicts_and_how_far_off_it_is(studio: Any) -> None:
    given = {"predictor_type": "regressor"}
    job = Road(studio.server).train("regression", hyperparameters=given)
    page = studio.visit(f"/training-jobs/{job['TrainingJobName']}?tab=evaluation")
    for title in ("Predicted against actual", "Residuals"):
        page.locator("po-chart").filter(has_text=title).locator("canvas").first.wait_for()
    expect(page.locator("po-threshold")).to_have_count(0)
    expect(page.get_by_role("region", name="Metrics")).to_contain_text("in the label's own unit")


def test_each_host_has_its_log(studio: Any) -> None:
    script = """
        import os
        print("this is", os.environ["SM_CURRENT_HOST"])
    """
    job = Scripts(studio.server).script("hosts", {"train.py": script}, instances=2)
    page = studio.visit(f"/training-jobs/{job['TrainingJobName']}?tab=log", check=False)
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("this is algo-1")
    page.get_by_role("navigation", name="Hosts").get_by_role("link", name="algo-2").click()
    expect(log).to_contain_text("this is algo-2")
    studio.check()


def test_a_job_stands_as_code(studio: Any, trained: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{trained['TrainingJobName']}")
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.locator("po-code").first).to_contain_text("create_training_job")
    expect(page.locator("po-code").first).to_contain_text("'mini_batch_size': '100'".replace("'", '"'))
    studio.check()


def test_a_job_that_is_not_there_is_said(visitor: Visitor) -> None:
    for path in ("", "?tab=log", "?tab=curves", "/log.json", "/curves.json", "/log.txt"):
        answer = visitor.get(f"/training-jobs/none-of-that-name{path}")
        assert answer.status == 400
        assert "none-of-that-name" in answer.text
