"""The programs of a job start one like it: each is run, and what it started is compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from potager.studio.source import literal
from potager.studio.training.code import as_code, base_name, members
from tests.clients.road import ROLE, Road, wait_for_job
from tests.studio.conftest import Studio, Visitor

ROOT = Path(__file__).parents[2]
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


@pytest.fixture(scope="module")
def described(road: Road) -> dict[str, Any]:
    """A job that completed, with more in it than a job needs."""
    name = f"{road.prefix}-2020-01-01-00-00-00-000"
    road.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"num_round": "3", "objective": "binary:logistic", "eval_metric": "auc,logloss"},
        InputDataConfig=[road.channel("train"), road.channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{road.bucket}/it's here/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 7},
        StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
        EnableManagedSpotTraining=True,
        CheckpointConfig={"S3Uri": f"s3://{road.bucket}/kept/"},
    )
    return wait_for_job(road.sagemaker, name)


def started(road: Road, server: Any, command: list[str], before: str) -> dict[str, Any]:
    """The job that a program started beside `before`."""
    known = names(road)
    command = [sys.executable, "-m", "potager", "run", "--data", str(server.data), "--", *command]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ended = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (made,) = names(road) - known
    assert made.startswith(base_name(before))
    return wait_for_job(road.sagemaker, made)


def names(road: Road) -> set[str]:
    found = road.sagemaker.list_training_jobs(MaxResults=100, SortOrder="Descending")["TrainingJobSummaries"]
    return {one["TrainingJobName"] for one in found}


def alike(described: dict[str, Any]) -> dict[str, Any]:
    """What two jobs of the same program have in common."""
    asked = members(described)
    del asked["TrainingJobName"]
    return asked


def test_the_boto3_program_starts_the_same_job(server: Any, road: Road, described: dict[str, Any]) -> None:
    program = as_code(described)["boto3"]
    made = started(road, server, [sys.executable, "-c", program], described["TrainingJobName"])
    assert made["TrainingJobStatus"] == "Completed"
    assert alike(made) == alike(described)


def test_the_cli_s_commands_start_the_same_job(server: Any, road: Road, described: dict[str, Any]) -> None:
    aws = ROOT / ".venv/clients/bin/aws"
    if not aws.exists():
        pytest.skip("no .venv/clients: `make test` sets it up")
    program = as_code(described)["cli"].replace("aws sagemaker", f"{aws} sagemaker")
    first = program.partition(f"{aws} sagemaker wait")[0]
    made = started(road, server, ["bash", "-euc", first], described["TrainingJobName"])
    assert alike(made) == alike(described)


def test_sdk_v2_s_program_starts_the_same_job(server: Any, road: Road, described: dict[str, Any]) -> None:
    sdk = ROOT / ".venv/sdk2/bin/python"
    if not sdk.exists():
        pytest.skip("no .venv/sdk2: `make test` sets it up")
    program = as_code(described)["sdk v2"].replace("estimator.fit(", "estimator.fit(wait=False, inputs=")
    made = started(road, server, [str(sdk), "-c", program], described["TrainingJobName"])
    assert made["TrainingJobStatus"] == "Completed"
    theirs, ours = alike(made), alike(described)
    assert theirs["CheckpointConfig"]["S3Uri"] == ours["CheckpointConfig"]["S3Uri"]
    for member in ("DebugHookConfig", "ProfilerConfig", "CheckpointConfig"):
        theirs.pop(member, None)
        ours.pop(member, None)
    assert theirs == ours


def test_sdk_v3_s_program_starts_a_job_that_learns_the_same(
    server: Any, road: Road, described: dict[str, Any], tmp_path: Path
) -> None:
    sdk = ROOT / ".venv/sdk3/bin/python"
    if not sdk.exists():
        pytest.skip("no .venv/sdk3: `make test` sets it up")
    program = as_code(described)["sdk v3"].replace("trainer.train(", "trainer.train(wait=False, logs=False, ")
    path = tmp_path / "program.py"
    path.write_text(program)
    made = started(road, server, [str(sdk), str(path)], described["TrainingJobName"])
    theirs, ours = alike(made), alike(described)
    for member in ("HyperParameters", "StoppingCondition", "EnableManagedSpotTraining"):
        assert theirs[member] == ours[member]
    assert [one["DataSource"] for one in theirs["InputDataConfig"]] == [
        one["DataSource"] for one in ours["InputDataConfig"]
    ]


def test_the_form_shows_the_programs_of_what_it_asks_for_so_far(studio: Studio, road: Road) -> None:
    page = studio.visit(f"/new/training-job?algorithm=linear-learner&train=s3://{road.bucket}/train/claims.csv")
    page.get_by_text("As code", exact=True).click()
    shown = page.locator("po-code pre").first
    page.get_by_text("sagemaker.create_training_job(").first.wait_for()
    page.get_by_label("epochs").fill("7")
    page.get_by_label("l1", exact=True).fill("0.5")
    page.locator("po-code pre", has_text='"epochs": "7"').first.wait_for()
    studio.check()
    assert '"predictor_type": "binary_classifier"' in shown.inner_text()
    page.get_by_label("train (required)").fill("")
    page.get_by_label("epochs").fill("8")
    page.get_by_text("needs the channel train").wait_for()


def test_a_job_s_page_shows_its_programs(studio: Studio, described: dict[str, Any]) -> None:
    page = studio.visit(f"/training-jobs/{described['TrainingJobName']}", check=False)
    page.get_by_role("link", name="Code", exact=True).click()
    page.get_by_text("sagemaker.create_training_job(").wait_for()
    studio.check()


def test_there_is_no_program_of_nothing(visitor: Visitor) -> None:
    assert visitor.post("/new/training-job/code", {}).status == 404


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("claims-2026-11-24-02-31-29-139", "claims"),
        ("claims-2026-11-24-02-31-29", "claims"),
        ("claims", "claims"),
        ("x" * 63, "x" * 43),
    ],
)
def test_a_name_without_its_time(name: str, base: str) -> None:
    assert base_name(name) == base


def test_what_is_typed_stays_a_string(described: dict[str, Any]) -> None:
    odd = 'a"\\\n\'); import os; print("x'
    program = as_code(described | {"HyperParameters": {"note": odd, 'k"': "1"}, "TrainingJobName": "n"})
    for which in ("boto3", "sdk v2", "sdk v3"):
        compile(program[which], which, "exec")
        assert "\nimport os" not in program[which]
    assert eval(literal({"a": [odd, None, True, 1.5]})) == {"a": [odd, None, True, 1.5]}


def test_a_script_s_programs_name_it_and_its_source(described: dict[str, Any]) -> None:
    given = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://b/s.tar.gz"', "depth": '"3"'}
    program = as_code(described | {"HyperParameters": given | {"sagemaker_region": '"x"'}})
    assert 'entry_point="train.py"' in program["sdk v2"]
    assert 'SourceCode(source_dir="s3://b/s.tar.gz", entry_script="train.py")' in program["sdk v3"]
    assert "sagemaker_region" not in "".join(program.values())
