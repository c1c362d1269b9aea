"""Pictures of Studio's pages, light and dark, for the docs: `make shots`. A page more is a line more in `PAGES`.

The settings are none of them, since they tell of the machine. A private server walks the fraud tutorial, tunes a
little and fails once, so that each page has something to show. Look at the pictures before you commit them:
`python -m tools.shots [NAME ...]` takes single ones anew.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import potager

FOLDER = Path(__file__).parent.parent / "docs" / "images" / "studio"
ROOT = "/_studio"
SIZE = {"width": 1280, "height": 800}
SCHEMES = ("light", "dark")
COLOURS = 64
"""Of a picture's palette: flat pages need few, and the files stay small."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WALK = "fraud-tutorial"
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
ROLE = "arn:aws:iam::000000000000:role/PotagerExecutionRole"
WAIT = {"Delay": 1, "MaxAttempts": 600}


@dataclass(frozen=True)
class Shot:
    """A picture: its name, the page, what to do there first, and a text to wait for."""

    name: str
    path: str
    act: Callable[[Any], None] = lambda page: None
    text: str = ""


def search(page: Any) -> None:
    """Opens the search and asks it something."""
    page.keyboard.press("Control+k")
    page.keyboard.type("fraud")
    page.get_by_role("option", name=WALK).first.wait_for()


def ask(page: Any) -> None:
    """Asks the tutorial's endpoint."""
    page.get_by_role("button", name="Ask about five claims").click()
    page.get_by_role("region", name="Answers").wait_for()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")


def charts(page: Any) -> None:
    """Goes down to the evaluation's charts."""
    page.locator("po-chart[drawn]").nth(1).wait_for()
    page.locator("po-threshold").locator("..").evaluate("each => each.scrollIntoView()")


PAGES = (
    Shot("home", "/"),
    Shot("tutorial", "/tutorial", ask),
    Shot("search", "/", search),
    Shot("data", f"/data/{WALK}"),
    Shot("object", f"/data/{WALK}/object?key=raw/claims.csv"),
    Shot("profile", f"/data/{WALK}/profile?key=raw/claims.csv", text="What goes together"),
    Shot("training-jobs", "/training-jobs"),
    Shot("new-training-job", "/new/training-job"),
    Shot("training-job", f"/training-jobs/{WALK}"),
    Shot("evaluation", f"/training-jobs/{WALK}?tab=evaluation", charts),
    Shot("tuning-job", "/tuning-jobs/fraud-tuning"),
    Shot("compare", f"/compare?job={WALK}&job=fraud-hasty"),
    Shot("new-endpoint", f"/new/endpoint?job={WALK}"),
    Shot("endpoint", f"/endpoints/{WALK}"),
    Shot("logs", "/logs"),
)


def main(names: Sequence[str]) -> None:
    """Takes the pictures that are named, or all."""
    from playwright.sync_api import sync_playwright

    wanted = [shot for shot in PAGES if not names or shot.name in names]
    with potager.local() as server, sync_playwright() as running:
        program = os.environ.get("POTAGER_TEST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
        if program is None:
            sys.exit("No Chromium. Install one (Debian: apt install chromium), or name one in POTAGER_TEST_CHROMIUM.")
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for scheme in SCHEMES:
            context = browser.new_context(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce", locale="en-GB")
            page = context.new_page()
            page.set_default_timeout(120_000)
            sign_in(page, server)
            if scheme == SCHEMES[0]:
                grow(page, server)
            for shot in wanted:
                take(page, server, shot, scheme)
            context.close()
        browser.close()


def sign_in(page: Any, server: potager.Local) -> None:
    """Signs in by the administrator's keys."""
    page.goto(f"{server.url}{ROOT}/sign-in")
    page.get_by_label("Access key", exact=True).fill(server.env["AWS_ACCESS_KEY_ID"])
    page.get_by_label("Secret access key").fill(server.env["AWS_SECRET_ACCESS_KEY"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}{ROOT}/")


def grow(page: Any, server: potager.Local) -> None:
    """Things to look at: the tutorial's, a tuning job, a job that learned worse, and one that failed."""
    page.get_by_role("button", name="Start the fraud tutorial").click()
    page.get_by_role("button", name="Ask about five claims").wait_for()
    client = server.client("sagemaker")
    start(client, "fraud-hasty", {"epochs": "2", "mini_batch_size": "350"})
    start(client, "fraud-broken", {"mini_batch_size": "70", "epochs": "3"}, folder="raw")
    tune(client)
    client.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="fraud-hasty", WaiterConfig=WAIT)
    page.goto(f"{server.url}{ROOT}/tuning-jobs?name=fraud-tuning&status=Completed")
    while not page.get_by_role("link", name="fraud-tuning").count():
        page.wait_for_timeout(1000)
        page.reload()


def start(client: Any, name: str, parameters: dict[str, str], folder: str = "train") -> None:
    """A training job on a folder of the tutorial's bucket."""
    client.create_training_job(TrainingJobName=name, HyperParameters=fixed() | parameters, **program(folder))


def fixed() -> dict[str, str]:
    """The hyperparameters that all have."""
    return {"predictor_type": "binary_classifier"}


def program(folder: str = "train") -> dict[str, Any]:
    """What a training job runs, on what, and how much of the machine it takes."""
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [channel("train", folder), channel("validation", "validation")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{WALK}/output/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def channel(name: str, folder: str) -> dict[str, Any]:
    """A channel on a folder of the tutorial's bucket."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{WALK}/{folder}/", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def tune(client: Any) -> None:
    """A tuning job of a dozen trials."""
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.0005", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
            {"Name": "l1", "MinValue": "0.00001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
        ],
        "IntegerParameterRanges": [{"Name": "mini_batch_size", "MinValue": "16", "MaxValue": "200"}],
    }
    objective = {"Type": "Maximize", "MetricName": "validation:binary_f_beta"}
    definition = program()
    definition["StaticHyperParameters"] = fixed() | {"epochs": "8"}
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="fraud-tuning",
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": ranges,
        },
        TrainingJobDefinition=definition,
    )


def take(page: Any, server: potager.Local, shot: Shot, scheme: str) -> None:
    """One picture, packed; nothing for a page that there is not."""
    from PIL import Image

    answer = page.goto(server.url + ROOT + shot.path)
    if answer.status >= 400:
        print(f"no picture of {shot.path}: {answer.status}")
        return
    if shot.text:
        page.get_by_text(shot.text).first.wait_for()
    shot.act(page)
    if page.locator("po-chart").count():
        page.locator("po-chart canvas, po-chart .none").first.wait_for()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{shot.name}-{scheme}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(path.name, f"{path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
