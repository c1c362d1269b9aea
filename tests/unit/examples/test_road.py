"""The whole road against a stand-in for AWS: what it asks for, what it leaves, and how it ends early."""

import io
import subprocess
import sys
from pathlib import Path

import aws
import collect
import deploy
import numpy as np
import options
import pytest
import road
import train
from errors import DataError, RoadError
from leftovers import Leftovers


def walk(pretend, tmp_path, *arguments, keep=False):
    chosen = options.parse(["--report", str(tmp_path / "report.html"), "--rows", "400", *arguments])
    with Leftovers(keep) as leftovers:
        run = road.Run(chosen, aws.Aws(pretend.session), leftovers, chosen.csv or Path(tmp_path, "claims.csv"))
        road.walk(run)
    return run


def test_the_road_ends_with_a_report_and_leaves_nothing_on_the_server(pretend, tmp_path, capsys):
    walk(pretend, tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not pretend.there
    assert not pretend.objects
    told = capsys.readouterr().out
    assert [f"\n{number} {name}" in told for number, name in enumerate(STEPS, 1)] == [True] * 7
    assert told.index("deleted endpoint fraud") < told.index("deleted model") < told.index("deleted bucket")


STEPS = ("Frame", "Collect", "Prepare", "Train", "Deploy", "Evaluate", "Report")


def test_the_training_job_names_the_image_as_the_sdk_spells_it_and_both_channels(pretend, tmp_path):
    walk(pretend, tmp_path)
    job = pretend.sent("CreateTrainingJob")
    image = job["AlgorithmSpecification"]["TrainingImage"]
    assert image == "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
    assert job["RoleArn"] == "arn:aws:iam::000000000000:role/Cook"
    assert [channel["ChannelName"] for channel in job["InputDataConfig"]] == ["train", "validation"]
    assert job["HyperParameters"]["predictor_type"] == "binary_classifier"


def test_keep_leaves_everything_in_place(pretend, tmp_path):
    run = walk(pretend, tmp_path, "--keep", keep=True)
    assert pretend.there == {"bucket", "model", "config", "endpoint"}
    assert set(pretend.objects) == {"raw/rows.csv", "train/rows.csv", "validation/rows.csv"}
    assert run.name in road.what_stays(run)
    assert "invoke_endpoint" in road.what_stays(run)


def test_a_failed_job_tells_its_reason_and_the_bucket_is_removed(pretend, tmp_path, capsys):
    failed = {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no such luck"}
    pretend.failures["DescribeTrainingJob"] = failed
    with pytest.raises(RoadError, match="AlgorithmError: no such luck"):
        walk(pretend, tmp_path)
    assert not pretend.there
    assert "CreateModel" not in pretend.names()
    assert "Ended early: cleaning up" in capsys.readouterr().out


def test_an_interruption_cleans_up_as_well(pretend, tmp_path):
    pretend.failures["InvokeEndpoint"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        walk(pretend, tmp_path)
    assert not pretend.there
    assert not pretend.objects


def test_what_cannot_be_removed_is_told_and_does_not_keep_the_rest(pretend, tmp_path, capsys):
    pretend.failures["DeleteModel"] = {"status": 400, "Error": {"Code": "ValidationException", "Message": "in use"}}
    walk(pretend, tmp_path)
    assert pretend.there == {"model"}
    assert "NOT deleted model" in capsys.readouterr().out


def test_bad_data_end_the_road_before_anything_is_made(pretend, tmp_path, csv_file):
    with pytest.raises(DataError, match="Its columns are: a, b"):
        walk(pretend, tmp_path, "--csv", str(csv_file("a,b\n1,2\n")), "--target", "c")
    assert not pretend.names()


@pytest.mark.parametrize(
    "arguments",
    [("--csv", "x.csv"), ("--target", "y"), ("--rows", "5"), ("--report", "/no/such/folder/report.html")],
)
def test_options_that_make_no_sense_are_refused(arguments):
    with pytest.raises(SystemExit) as refused:
        options.parse(list(arguments))
    assert refused.value.code == 2


def test_a_region_without_linear_learner_is_refused_with_those_that_have_it():
    with pytest.raises(RoadError, match=r"the region mars-north-1\. .*us-east-1"):
        train.image_uri("mars-north-1")
    assert train.image_uri("cn-north-1", "amazonaws.com.cn").startswith(
        "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/"
    )


def test_a_region_without_linear_learner_ends_the_road_before_anything_is_made(pretend, tmp_path, monkeypatch):
    pretend.session._session.set_config_variable("region", "ap-southeast-5")
    monkeypatch.setattr("boto3.Session", lambda: pretend.session)
    with pytest.raises(RoadError, match="no linear-learner image"):
        road.run_road(options.parse(["--report", str(tmp_path / "report.html")]))
    assert not pretend.names()


def test_rare_positives_are_weighed_up():
    assert train.hyperparameters(3500, 0.033)["positive_example_weight_mult"] == "balanced"
    assert "positive_example_weight_mult" not in train.hyperparameters(700, 0.25)


def test_only_us_east_1_goes_without_a_location(pretend):
    collect.make_bucket(aws.Aws(pretend.session), "made-here")
    assert "CreateBucketConfiguration" not in pretend.sent("CreateBucket")


def test_payloads_hold_whole_lines_below_the_limit():
    text = "".join(f"{number},{number}\n" for number in range(1000))
    parts = list(deploy.batches(text, 500))
    assert b"".join(parts) == text.encode()
    assert max(map(len, parts)) <= 500
    assert all(part.endswith(b"\n") for part in parts)
    assert list(deploy.batches("longer than the limit\n", 5)) == [b"longer than the limit\n"]


def test_answers_of_several_requests_come_back_in_order(pretend, monkeypatch):
    monkeypatch.setattr(deploy, "LARGEST_PAYLOAD", 20)
    scores, answers = deploy.predict(aws.Aws(pretend.session), "e", "".join(f"{n}\n" for n in range(0, 300, 10)))
    assert len(scores) == len(answers) == 30
    assert np.array_equal(scores, np.sort(scores)[::-1])
    assert pretend.names().count("InvokeEndpoint") > 3


def test_an_answer_of_another_kind_is_shown(pretend):
    pretend.failures["InvokeEndpoint"] = {"Body": io.BytesIO(b"<html>busy</html>")}
    with pytest.raises(RoadError, match="<html>busy</html>"):
        deploy.predict(aws.Aws(pretend.session), "e", "1,2\n")


def test_a_role_is_taken_from_the_option_then_the_environment_then_the_caller(pretend, monkeypatch):
    asked = aws.Aws(pretend.session)
    monkeypatch.delenv("SAGEMAKER_ROLE_ARN", raising=False)
    assert asked.role(None).endswith("role/Cook")
    monkeypatch.setenv("SAGEMAKER_ROLE_ARN", "arn:of:environment")
    assert asked.role(None) == "arn:of:environment"
    assert asked.role("arn:given") == "arn:given"


def test_a_caller_who_is_no_role_is_asked_for_one(pretend, monkeypatch):
    monkeypatch.delenv("SAGEMAKER_ROLE_ARN", raising=False)
    pretend.failures["GetCallerIdentity"] = {"Arn": "arn:aws:iam::1:user/ann"}
    with pytest.raises(RoadError, match="--role or SAGEMAKER_ROLE_ARN"):
        aws.Aws(pretend.session).role(None)


@pytest.mark.parametrize(
    ("failures", "status", "told"),
    [
        ({}, 0, ""),
        ({"CreateModel": {"status": 400, "Error": {"Code": "X", "Message": "not today"}}}, 1, "not today"),
        ({"CreateModel": KeyboardInterrupt()}, 130, "Interrupted."),
    ],
)
def test_the_exit_status_tells_how_the_road_ended(pretend, tmp_path, monkeypatch, capsys, failures, status, told):
    pretend.failures |= failures
    monkeypatch.setattr("boto3.Session", lambda: pretend.session)
    monkeypatch.setattr("stopping.listen", lambda: None)
    monkeypatch.setattr("sys.argv", ["road.py", "--rows", "200", "--report", str(tmp_path / "report.html")])
    assert road.main() == status
    assert told in capsys.readouterr().err
    assert not pretend.there


def test_unusable_data_exit_with_2(pretend, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("boto3.Session", lambda: pretend.session)
    monkeypatch.setattr("stopping.listen", lambda: None)
    monkeypatch.setattr("sys.argv", ["road.py", "--csv", str(tmp_path / "absent.csv"), "--target", "y"])
    assert road.main() == 2
    assert "road.py: There is no file" in capsys.readouterr().err


def test_a_missing_region_is_told_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(RoadError, match="AWS_DEFAULT_REGION"):
        _ = aws.Aws(aws.boto3.Session()).place


def test_the_help_waits_for_no_heavy_library():
    """pandas, scikit-learn, matplotlib and boto3 are imported by the steps that use them."""
    told = "import sys, road; print(sorted({'pandas', 'numpy', 'sklearn', 'matplotlib', 'boto3'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", told], cwd=Path(road.__file__).parent, capture_output=True, text=True)
    assert ended.stdout.strip() == "[]"
