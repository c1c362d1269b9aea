"""Training jobs are started by form: what is typed is kept, what is wrong is said beside its field, and it trains."""

from __future__ import annotations

import json
from typing import Any

import pytest

from potager.studio.training.code import members
from tests.clients.road import Road, wait_for_job
from tests.clients.test_sklearn_endpoint import archive
from tests.studio.conftest import Studio, Visitor


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    """A bucket with labelled rows, for training and for validation."""
    return Road(server)


def link(road: Road, algorithm: str) -> str:
    return (
        f"/new/training-job?algorithm={algorithm}&train=s3://{road.bucket}/train/claims.csv"
        f"&validation=s3://{road.bucket}/validation/claims.csv"
    )


def started(studio: Studio, road: Road) -> dict[str, Any]:
    """Presses the button; the job that came of it, once it has ended."""
    studio.page.get_by_role("button", name="Start training").click()
    studio.page.wait_for_url("**/training-jobs/*")
    return wait_for_job(road.sagemaker, studio.page.url.rpartition("/")[2])


def test_what_the_form_cannot_take_from_a_job_is_said(visitor: Visitor, road: Road) -> None:
    plain = road.train_once()["TrainingJobName"]
    assert "has no fields for everything" not in visitor.get(f"/new/training-job?like={plain}").text
    name = f"{road.prefix}-more"
    asked = members(road.train_once()) | {"TrainingJobName": name, "Environment": {"NOTE": "x"}}
    road.sagemaker.create_training_job(**asked)
    assert f"everything that {name} has: environment will" in visitor.get(f"/new/training-job?like={name}").text
    wait_for_job(road.sagemaker, name)


def test_xgboost_is_chosen_filled_in_and_trained(studio: Studio, road: Road) -> None:
    page = studio.visit("/training-jobs", check=False)
    page.get_by_role("link", name="Start a training job").click()
    studio.check()
    page.get_by_role("link", name="XGBoost", exact=True).click()
    page.get_by_label("train (required)").fill(f"s3://{road.bucket}/train/")
    page.locator("datalist option[value$='train/claims.csv']").first.wait_for(state="attached")
    page.get_by_label("validation", exact=True).fill(f"s3://{road.bucket}/validation/claims.csv")
    page.get_by_label("num_round").fill("5")
    page.get_by_role("region", name="First rows of validation/claims.csv").wait_for()
    studio.check()
    job = started(studio, road)
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["HyperParameters"] == {"num_round": "5", "objective": "binary:logistic"}
    assert [channel["ContentType"] for channel in job["InputDataConfig"]] == ["text/csv", "text/csv"]
    assert job["OutputDataConfig"]["S3OutputPath"].startswith("s3://sagemaker-us-east-1-")


def test_linear_learner_says_what_is_wrong_beside_the_field_and_then_trains(studio: Studio, road: Road) -> None:
    page = studio.visit(link(road, "linear-learner"))
    page.get_by_label("epochs").fill("none")
    page.get_by_label("mini_batch_size").fill("100")
    page.get_by_role("button", name="Start training").click()
    fault = page.locator("[id='fault-hp.epochs']")
    fault.wait_for()
    assert "integer in [1, inf)" in fault.inner_text()
    assert page.get_by_label("mini_batch_size").input_value() == "100"
    studio.check()
    page.get_by_label("epochs").fill("3")
    job = started(studio, road)
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["HyperParameters"]["epochs"] == "3"


def test_a_job_is_started_again_with_changes(visitor: Visitor, road: Road) -> None:
    name = road.start("before", hyperparameters={"epochs": "2", "l1": "0.25"})
    shown = visitor.get(f"/new/training-job?like={name}").text
    assert 'name="hp.epochs" value="2"' in shown
    assert 'name="hp.l1" value="0.25"' in shown
    assert f's3://{road.bucket}/validation/"' in shown
    assert f'value="{name}"' not in shown
    wait_for_job(road.sagemaker, name)


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"hp.num_round": ""}, "hp.num_round", "required"),
        ({"hp.eta": "2"}, "hp.eta", "number in [0, 1]"),
        ({"hp.objective": "multi:softmax"}, "hp.num_class", "num_class"),
        ({"uri.train": ""}, "uri.train", "needs the channel train"),
        ({"uri.train": "claims.csv"}, "uri.train", "no address in S3"),
        ({"uri.train": "s3://no-such-bucket-at-all/x.csv"}, "uri.train", "no-such-bucket-at-all"),
        ({"name": "not_a_name!"}, "name", "not_a_name!"),
        ({"minutes": "nan"}, "minutes", "minutes"),
        ({"instance_count": "-1"}, "instance_count", "whole number"),
        ({"output": "here"}, "output", "here"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    visitor: Visitor, road: Road, changes: dict[str, str], field: str, text: str
) -> None:
    form = {
        "algorithm": "sagemaker-xgboost",
        "name": f"{road.prefix}-wrong",
        "uri.train": f"s3://{road.bucket}/train/claims.csv",
        "hp.num_round": "3",
        "hp.objective": "binary:logistic",
        "output": f"s3://{road.bucket}/output/",
        "instance_type": "ml.m5.large",
        "instance_count": "1",
        "volume": "5",
        "minutes": "5",
    }
    shown = visitor.post("/new/training-job", form | changes)
    assert shown.status == 200
    beside = shown.text.partition(f'id="fault-{field}">')[2].partition("</p>")[0]
    assert text in beside, shown.text
    assert f's3://{road.bucket}/output/"' in shown.text or field == "output"


def test_a_name_that_is_taken_is_said_beside_the_name(visitor: Visitor, road: Road) -> None:
    job = road.train_once()["TrainingJobName"]
    form = {f"uri.{name}": f"s3://{road.bucket}/train/" for name in ("train",)}
    form |= {"algorithm": "kmeans", "name": job, "hp.k": "3", "output": f"s3://{road.bucket}/o", "minutes": "5"}
    form |= {"instance_type": "ml.m5.large", "instance_count": "1", "volume": "5"}
    shown = visitor.post("/new/training-job", form).text
    assert "already exists" in shown.partition('id="fault-name">')[2].partition("</p>")[0]


def test_jobs_are_ticked_in_the_list_and_compared(studio: Studio, road: Road) -> None:
    first, second = (road.train(name, hyperparameters={"epochs": "1"})["TrainingJobName"] for name in ("one", "two"))
    page = studio.visit(f"/training-jobs?name={road.prefix}")
    page.get_by_label(f"Tick {first}").check()
    page.get_by_label(f"Tick {second}").check()
    page.get_by_role("button", name="Compare those ticked").click()
    page.wait_for_url(f"**/compare?job={second}&job={first}")
    assert page.get_by_role("link", name=first).first.is_visible()


def test_what_is_ticked_stays_so_while_a_busy_list_is_watched(studio: Studio, road: Road) -> None:
    done = road.train_once()["TrainingJobName"]
    slow = road.start("slow", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"})
    page = studio.visit(f"/training-jobs?name={road.prefix}", check=False)
    page.get_by_label(f"Tick {done}").check()
    road.sagemaker.stop_training_job(TrainingJobName=slow)
    page.locator("tr", has_text=slow).get_by_text("Stopped", exact=True).wait_for()
    assert page.get_by_label(f"Tick {done}").is_checked()


def test_the_list_is_narrowed_by_time(visitor: Visitor, road: Road) -> None:
    name = road.train_once()["TrainingJobName"]
    for within in ("1", "720", "nonsense"):
        assert name in visitor.get(f"/training-jobs?name={name}&within={within}").text
    assert "in the last week" in visitor.get("/training-jobs").text


def test_a_script_of_one_s_own_is_run(studio: Studio, road: Road) -> None:
    road.put("code/sourcedir.tar.gz", archive({"train.py": SCRIPT.encode()}))
    page = studio.visit("/new/training-job?algorithm=script")
    page.get_by_label("train", exact=True).fill(f"s3://{road.bucket}/train/")
    page.get_by_label("Source archive").fill(f"s3://{road.bucket}/code/sourcedir.tar.gz")
    page.get_by_label("Hyperparameters").fill("depth=3\nnote=two words")
    page.get_by_role("button", name="Start training").click()
    fault = page.locator("[id='fault-entry']")
    fault.wait_for()
    assert page.get_by_label("Hyperparameters").input_value() == "depth=3\nnote=two words"
    studio.check()
    page.get_by_role("textbox", name="Program").fill("train.py")
    job = started(studio, road)
    assert job["TrainingJobStatus"] == "Completed", job
    assert json.loads(job["HyperParameters"]["note"]) == "two words"
    again = studio.visit(f"/new/training-job?like={job['TrainingJobName']}", check=False)
    assert again.get_by_label("Hyperparameters").input_value().splitlines() == ["depth=3", "note=two words"]
    assert again.get_by_role("textbox", name="Program").input_value() == "train.py"


SCRIPT = """
import argparse, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--note")
given = parser.parse_args()
assert (given.depth, given.note) == (3, "two words"), given
assert list(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("learnt")
"""
