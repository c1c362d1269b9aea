"""From a table as people keep it to a model: made ready by form, then trained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.road import Road, wait_for_job
from tests.studio.conftest import Studio, Visitor


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    """A bucket with raw claims: a header line, texts, gaps and dates."""
    made = Road(server)
    lines = ["claim_id,day,age,amount,kind,fraud"]
    for index in range(400):
        fraud = index % 5 == 0
        amount = "" if index % 17 == 1 else str(100 + index % 37 + 300 * fraud)
        kind = ("car", "home", "bike")[index % 3]
        lines.append(
            f"C{index:05d},2024-0{index % 9 + 1}-11,{20 + index % 50},{amount},{kind},{'yes' if fraud else 'no'}"
        )
    made.put("raw/claims.csv", "\n".join(lines) + "\n")
    return made


def test_raw_claims_become_a_model(studio: Studio, road: Road) -> None:
    page = studio.visit(f"/new/training-job?algorithm=sagemaker-xgboost&train=s3://{road.bucket}/raw/claims.csv")
    page.get_by_role("link", name="Make this table ready").click()
    page.get_by_label("Predict fraud").check()
    assert not page.get_by_label("Use claim_id").is_checked()
    assert page.get_by_label("Use amount").is_checked()
    studio.check()
    page.get_by_role("button", name="Make it ready").click()
    page.get_by_role("heading", name="Ready to train").wait_for()
    studio.check()
    assert "yes is 1 (80 rows)" in page.inner_text("main")
    page.get_by_role("link", name="Train with XGBoost").click()
    assert page.get_by_label("objective", exact=True).input_value() == "binary:logistic"
    assert page.get_by_label("early_stopping_rounds").input_value() == "10"
    page.get_by_label("num_round").fill("5")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/training-jobs/*")
    job = wait_for_job(road.sagemaker, page.url.rpartition("/")[2])
    assert job["TrainingJobStatus"] == "Completed", job
    metrics = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert metrics["validation:auc"] > 0.9


def test_a_raw_table_is_not_handed_to_an_algorithm_that_cannot_read_it(visitor: Visitor, road: Road) -> None:
    form = {
        "algorithm": "linear-learner",
        "name": f"{road.prefix}-raw",
        "uri.train": f"s3://{road.bucket}/raw/claims.csv",
        "hp.predictor_type": "binary_classifier",
        "output": f"s3://{road.bucket}/output/",
        "instance_type": "ml.m5.large",
        "instance_count": "1",
        "volume": "5",
        "minutes": "5",
    }
    shown = visitor.post("/new/training-job", form).text
    assert (
        "begins with a header line (claim_id, day" in shown.partition('id="fault-uri.train">')[2].partition("</p>")[0]
    )
    assert "Make this table ready" in shown


def test_who_would_train_on_a_raw_table_is_shown_the_way(visitor: Visitor, road: Road) -> None:
    shown = visitor.get(f"/new/training-job?train=s3://{road.bucket}/raw/claims.csv").text
    assert "claims.csv has a header line: make it ready first" in shown
    assert "A table with a header line, texts or gaps?" in visitor.get("/new/training-job").text


@pytest.mark.parametrize("algorithm", ["linear-learner", "lightgbm", "knn", "kmeans", "randomcutforest"])
def test_what_is_made_ready_suits_each_algorithm(visitor: Visitor, road: Road, algorithm: str) -> None:
    target = "" if algorithm in ("kmeans", "randomcutforest") else "fraud"
    opened = visitor.get(f"/new/training-table?source=s3://{road.bucket}/raw/claims.csv&algorithm={algorithm}")
    form = fields(opened.text) | {"target": target, "name": f"{road.prefix}-{algorithm}"}
    started = visitor.post("/new/training-table", form)
    assert started.status == 303, started.text
    job = road.sagemaker.get_waiter("processing_job_completed_or_stopped")
    job.wait(ProcessingJobName=form["name"], WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    shown = visitor.get(f"/new/training-table/{form['name']}").text
    title = {"linear-learner": "Linear learner", "lightgbm": "LightGBM", "knn": "Nearest neighbours"}
    first = shown.partition('<a class="button" href="/_studio')[2]
    assert title.get(algorithm, "Train with") in first.partition("</a>")[0]
    onward = visitor.get(first.partition('"')[0].replace("&amp;", "&"))
    made = visitor.post("/new/training-job", fields(onward.text))
    assert made.status == 303, made.text
    ended = wait_for_job(road.sagemaker, made.headers["location"].rpartition("/")[2])
    assert ended["TrainingJobStatus"] == "Completed", ended


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"validation": "most"}, "number of percent"),
        ({"levels": "many"}, "no whole number"),
        ({"name": "not_a_name!"}, "not_a_name!"),
        ({"output": "s3://no-such-bucket-at-all/x"}, "no-such-bucket-at-all"),
    ],
)
def test_what_cannot_be_made_is_said(visitor: Visitor, road: Road, changes: dict[str, str], text: str) -> None:
    opened = visitor.get(f"/new/training-table?source=s3://{road.bucket}/raw/claims.csv&target=fraud")
    shown = visitor.post("/new/training-table", fields(opened.text) | changes)
    assert shown.status == 200
    assert text in shown.text.partition('id="main"')[2]


def test_an_address_that_holds_nothing_is_said(visitor: Visitor, road: Road) -> None:
    shown = visitor.get(f"/new/training-table?source=s3://{road.bucket}/nothing.csv").text
    assert "Nothing is there" in shown
    headerless = visitor.get(f"/new/training-table?source=s3://{road.bucket}/train/claims.csv").text
    assert "no header line" in headerless
    road.put("raw/claims.parquet", b"PAR1....PAR1")
    shown = visitor.get(f"/new/training-table?source=s3://{road.bucket}/raw/claims.parquet").text
    assert "raw/claims.parquet cannot be looked at here" in shown
    assert visitor.post("/new/training-table", {"source": f"s3://{road.bucket}/raw/claims.parquet"}).status == 200


def fields(text: str) -> dict[str, str]:
    """The fields of a page's last form, as a browser would send them."""
    from html.parser import HTMLParser

    class Parser(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: dict[str, str] = {}
            self.chosen = ""
            self.spoken = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = {name: value or "" for name, value in attrs}
            if tag == "form":
                self.found = {}
            if tag == "input" and given.get("name"):
                if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                    self.found[given["name"]] = given.get("value", "")
            elif tag == "select":
                self.chosen = given.get("name", "")
            elif tag == "option" and self.chosen and ("selected" in given or self.chosen not in self.found):
                self.found[self.chosen] = given.get("value", "")
                self.spoken = "value" not in given

        def handle_data(self, data: str) -> None:
            if self.spoken:
                self.found[self.chosen], self.spoken = data, False

    parser = Parser()
    parser.feed(text.partition('id="main"')[2])
    return parser.found
