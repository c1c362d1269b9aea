"""The whole way in a browser, as somebody goes it who has a table and no program: from the link to a notebook."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from potager.kernel import examples
from tests.clients.road import wait_for_job
from tests.studio import lab
from tests.studio.conftest import ROOT, Studio
from tests.studio.test_entrance import link


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand raw insurance claims."""
    path = tmp_path_factory.mktemp("claims") / "claims.csv"
    command = [sys.executable, str(examples.folder("fraud") / "claims.py"), "--out", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def test_from_the_link_to_a_notebook(fresh_studio: Studio, claims: Path) -> None:
    studio, page = fresh_studio, fresh_studio.page
    sagemaker = studio.server.client("sagemaker")

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(ROOT + link(studio.server))
    page.get_by_role("heading", name="What grows here").wait_for()

    studio.server.client("s3").create_bucket(Bucket="journey")
    page.get_by_role("navigation", name="Studio").get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="journey").click()
    page.locator("#files").set_input_files(claims)
    page.get_by_text("All sent").wait_for()

    page.goto(f"{ROOT}/data/journey/profile?key=claims.csv")
    page.get_by_role("heading", name="Target: fraud_reported").wait_for()
    page.get_by_role("link", name="Train on this").click()

    first = train(page, sagemaker, "100")
    page.goto(f"{ROOT}/training-jobs/{first}?tab=curves")
    page.locator("po-chart canvas").first.wait_for()
    studio.check()

    page.get_by_role("link", name="Deploy").click()
    page.get_by_label("Name of the endpoint", exact=True).fill("journey")
    page.get_by_role("button", name="Deploy", exact=True).click()
    page.wait_for_url("**/endpoints/journey")
    expect(page.locator("[sse-swap=status]")).to_contain_text("InService")
    page.get_by_role("button", name="Ask about this row").click()
    expect(page.locator("#answer")).to_contain_text("200")
    expect(page.locator("#answer")).to_contain_text("A score says how likely fraud_reported is Y rather than N.")
    page.get_by_text("Ask with the features that the model reads").click()
    page.locator("#try-body").fill(unseen(studio.server, first))
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer")).not_to_contain_text("A score says")
    expect(page.locator("#answer")).to_contain_text("200")

    page.goto(f"{ROOT}/new/training-job?like={first}")
    second = started(page, sagemaker, "3")
    page.goto(f"{ROOT}/compare?job={first}&job={second}")
    page.get_by_role("heading", name="Compare training jobs").wait_for()
    assert first in page.inner_text("main")
    assert second in page.inner_text("main")
    studio.check()

    if find_spec("jupyterlab") is None or find_spec("ipykernel") is None:
        return
    tab = lab.opened(studio.visit("/notebooks"))
    asks = "import boto3\nfor job in boto3.client('sagemaker').list_training_jobs()['TrainingJobSummaries']:"
    output = lab.run(tab, 0, f"{asks}\n    print(job['TrainingJobName'], job['TrainingJobStatus'])")
    output.first.get_by_text(f"{first} Completed").wait_for()
    tab.close()
    lab.stop(page)
    studio.check()


def train(page: Any, sagemaker: Any, rounds: str) -> str:
    """Makes the table ready, starts a job of XGBoost on it, and gives the job's name once it has completed."""
    expect(page.get_by_label("Predict fraud_reported")).to_be_checked()
    page.get_by_role("button", name="Make it ready").click()
    page.get_by_role("heading", name="Ready to train").wait_for()
    page.get_by_role("link", name="Train with XGBoost").click()
    return started(page, sagemaker, rounds)


def started(page: Any, sagemaker: Any, rounds: str) -> str:
    """Sends the form of a training job; its name once it has completed."""
    page.get_by_label("num_round").fill(rounds)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/training-jobs/*")
    job = wait_for_job(sagemaker, page.url.partition("?")[0].rpartition("/")[2])
    assert job["TrainingJobStatus"] == "Completed", job
    return job["TrainingJobName"]


def unseen(server: Any, name: str) -> str:
    """A row that the job was judged by, without its label."""
    job = server.client("sagemaker").describe_training_job(TrainingJobName=name)
    channel = next(each for each in job["InputDataConfig"] if each["ChannelName"] == "validation")
    bucket, _, prefix = channel["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://").partition("/")
    storage = server.client("s3")
    key = storage.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"][0]["Key"]
    content = storage.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return content.splitlines()[0].partition(",")[2]
