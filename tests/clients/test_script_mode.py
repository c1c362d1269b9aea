"""Script mode through boto3: one's own program, told what SageMaker tells it, calling AWS back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients.road import IMAGE, wait_for_job
from tests.clients.scripts import SKLEARN, Scripts

TELL = """
    import json, os, pathlib, sys
    from beside import greeting
    print(greeting)
    told = {"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ), "python": sys.executable}
    pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


def told(scripts: Scripts, job: dict[str, Any]) -> Any:
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{scripts.road.bucket}/")
    return json.loads(scripts.unpacked(key)["told.json"])


def test_a_script_finds_its_arguments_channels_and_variables(scripts: Scripts) -> None:
    job = scripts.script(
        "tell",
        {"train.py": TELL, "beside.py": "greeting = 'imported from beside'"},
        hyperparameters={"max-depth": 3, "learning_rate": 0.1, "name": "two words", "flag": True},
        InputDataConfig=[scripts.road.channel("train"), scripts.road.channel("validation")],
        Environment={"MINE": "yes"},
    )
    seen = told(scripts, job)
    expected = ["--flag", "True", "--learning_rate", "0.1", "--max-depth", "3", "--name", "two words"]
    assert seen["argv"] == expected
    env = seen["env"]
    assert json.loads(env["SM_USER_ARGS"]) == expected
    assert json.loads(env["SM_CHANNELS"]) == ["train", "validation"]
    assert Path(env["SM_CHANNEL_TRAIN"]).parts[-3:] == ("input", "data", "train")
    assert env["SM_HP_MAX-DEPTH"] == "3"
    assert env["SM_MODULE_NAME"] == "train"
    assert json.loads(env["SM_TRAINING_ENV"])["job_name"] == job["TrainingJobName"]
    assert env["MINE"] == "yes"
    assert "imported from beside" in scripts.lines(job)


def test_the_log_opens_with_what_is_really_used(scripts: Scripts) -> None:
    import sklearn

    job = scripts.script("used", {"train.py": "print('mine')"}, image=SKLEARN)
    lines = scripts.lines(job)
    assert lines[0].startswith("Isolation: ")
    assert lines[1].startswith(f"Potager runs {SKLEARN} as Python ")
    assert f"scikit-learn {sklearn.__version__}" in lines[1]
    assert lines[-3:] == ["", "python train.py", "mine"]


def test_a_scikit_learn_script_leaves_a_model_output_and_metrics(scripts: Scripts) -> None:
    train = """
        import argparse, os, joblib, pandas
        from sklearn.linear_model import LogisticRegression

        parser = argparse.ArgumentParser()
        parser.add_argument("--strength", type=float)
        parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
        parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
        arguments = parser.parse_args()
        data = pandas.read_csv(os.path.join(arguments.train, "claims.csv"), header=None)
        model = LogisticRegression(C=arguments.strength).fit(data.iloc[:, 1:].values, data[0])
        print(f"epoch 1: accuracy=0.5; epoch 2: accuracy=0.6")
        print(f"train-accuracy={model.score(data.iloc[:, 1:].values, data[0]):.4f};")
        joblib.dump(model, os.path.join(arguments.model_dir, "model.joblib"))
        with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt"), "w") as file:
            file.write("all is well")
    """
    job = scripts.script(
        "sklearn",
        {"train.py": train, "requirements.txt": "# met already\nscikit-learn>=1.0\npandas\n"},
        image=SKLEARN,
        algorithm={"MetricDefinitions": [{"Name": "train:accuracy", "Regex": "train-accuracy=([0-9.]+);"}]},
        hyperparameters={"strength": 0.5},
        InputDataConfig=[scripts.road.channel("train")],
    )
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    metric = job["FinalMetricDataList"][0]
    assert metric["MetricName"] == "train:accuracy"
    assert metric["Value"] > 0.9
    home = f"output/{job['TrainingJobName']}/output"
    assert scripts.unpacked(f"{home}/output.tar.gz") == {"report.txt": b"all is well"}
    assert list(scripts.unpacked(f"{home}/model.tar.gz")) == ["model.joblib"]
    assert "requirements.txt: everything that it asks for is installed already" in scripts.lines(job)


def test_a_script_that_raises_fails_the_job_with_its_last_words(scripts: Scripts) -> None:
    train = "import sys\nprint('reading')\nraise ValueError('no column \"age\"')\n"
    job = scripts.script("raises", {"train.py": train}, hyperparameters={"depth": 3})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n"
        'ErrorMessage "ValueError: no column "age""\nCommand "python train.py --depth 3"'
    )


def test_a_script_s_own_reason_goes_first(scripts: Scripts) -> None:
    train = """
        import os
        with open(os.environ["SM_OUTPUT_DIR"] + "/failure", "w") as file:
            file.write("the data are too old")
        raise SystemExit(3)
    """
    job = scripts.script("reason", {"train.py": train})
    assert job["FailureReason"] == "the data are too old"


def test_a_shell_script_gets_its_arguments_quoted(scripts: Scripts) -> None:
    text = '#!/bin/sh\nprintf "%s|" "$@"\necho\n'
    job = scripts.script("shell", {"bin/train.sh": text}, "bin/train.sh", hyperparameters={"a": "it's $HOME", "bc": 1})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert scripts.lines(job)[-1] == "-a|it's $HOME|--bc|1|"


def test_a_source_may_come_in_the_channel_named_code(scripts: Scripts) -> None:
    scripts.road.put("channel/code/train.py", "print('from a channel')")
    job = scripts.run(
        "channel",
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": "/opt/ml/input/data/code"},
        InputDataConfig=[scripts.road.channel("code", "channel/code/")],
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert scripts.lines(job)[-1] == "from a channel"


def test_entrypoint_and_arguments_are_executed_as_given(scripts: Scripts) -> None:
    line = 'printf "%s|" "$@"; python -c "import sys; print(sys.version_info.major)"'
    job = scripts.run(
        "command",
        algorithm={
            "ContainerEntrypoint": ["/bin/sh", "-c", line, "name"],
            "ContainerArguments": ["--one", "two words", "$HOME"],
        },
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert scripts.lines(job)[-1] == "--one|two words|$HOME|3"


def test_a_command_that_is_not_there_is_named_in_the_log(scripts: Scripts) -> None:
    job = scripts.run("absent", algorithm={"ContainerEntrypoint": ["no-such-command"]})
    assert "exited with code 127" in job["FailureReason"]
    assert "no-such-command: command not found" in scripts.lines(job)[-1]


CALL = """
    import json, os, boto3
    who = boto3.client("sts").get_caller_identity()
    s3 = boto3.client("s3")
    s3.put_object(Bucket=os.environ["BUCKET"], Key="called/back.txt", Body=b"from inside")
    bucket = s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="called/")["KeyCount"]
    me = boto3.client("sagemaker").describe_training_job(TrainingJobName=os.environ["TRAINING_JOB_NAME"])
    keys = {name: os.environ[name] for name in
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")}
    told = {"who": who["Arn"], "found": bucket, "status": me["TrainingJobStatus"], "keys": keys}
    open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(told))
"""


@pytest.fixture(scope="module")
def caller(scripts: Scripts) -> Any:
    """What a job that called AWS back wrote down, and its name."""
    job = scripts.script("call", {"train.py": CALL}, Environment={"BUCKET": scripts.road.bucket})
    return told(scripts, job) | {"name": job["TrainingJobName"]}


def test_a_script_calls_aws_back_as_its_job(scripts: Scripts, caller: Any) -> None:
    arn = f"arn:aws:sts::000000000000:assumed-role/PotagerExecutionRole/SageMaker-{caller['name']}"
    assert (caller["who"], caller["found"], caller["status"]) == (arn, 1, "InProgress")
    assert caller["keys"]["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    body = scripts.road.s3.get_object(Bucket=scripts.road.bucket, Key="called/back.txt")["Body"].read()
    assert body == b"from inside"


@pytest.mark.parametrize(
    ("service", "ended", "wrong"),
    [
        ("s3", "ExpiredToken", "InvalidToken"),
        ("sts", "ExpiredToken", "InvalidClientTokenId"),
        ("sagemaker", "ExpiredTokenException", "UnrecognizedClientException"),
    ],
)
def test_credentials_end_with_the_job_and_need_their_token(caller: Any, service: str, ended: str, wrong: str) -> None:
    keys = caller["keys"]
    for token, code in ((keys["AWS_SESSION_TOKEN"], ended), ("bm9uZQ==.bm9uZQ==", wrong), (None, wrong)):
        client: Any = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=keys["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=token,
        )
        call = {"s3": "list_buckets", "sts": "get_caller_identity", "sagemaker": "list_training_jobs"}[service]
        with pytest.raises(ClientError) as caught:
            getattr(client, call)()
        assert caught.value.response["Error"]["Code"] == code


def test_network_isolation_leaves_a_script_alone(scripts: Scripts) -> None:
    train = """
        import json, os, socket
        from urllib.parse import urlsplit
        try:
            socket.create_connection((os.environ["HOST"], int(os.environ["PORT"])), 2).close()
            reached = True
        except OSError:
            reached = False
        told = {"reached": reached, "names": [name for name in os.environ if name.startswith("AWS_")]}
        open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(told))
    """
    host, port = scripts.server.url.removeprefix("http://").split(":")
    job = scripts.script(
        "alone", {"train.py": train}, EnableNetworkIsolation=True, Environment={"HOST": host, "PORT": port}
    )
    seen = told(scripts, job)
    assert not {name for name in seen["names"] if "KEY" in name or "TOKEN" in name or "ENDPOINT" in name}
    if "namespaces" in scripts.lines(job)[0]:
        assert not seen["reached"]


def test_a_program_that_the_source_does_not_hold_is_named(scripts: Scripts) -> None:
    job = scripts.script("other", {"main.py": ""})
    assert job["FailureReason"] == "ClientError: The source holds no program 'train.py'. At its top there is: main.py."


def test_a_job_without_a_program_is_refused_at_once(scripts: Scripts) -> None:
    with pytest.raises(ClientError, match="sagemaker_program") as caught:
        scripts.start("none")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_the_program_of_a_built_in_image_cannot_be_replaced(scripts: Scripts) -> None:
    with pytest.raises(
        ClientError, match="ContainerEntrypoint on the image linear-learner is not served yet"
    ) as caught:
        scripts.start("built-in", image=IMAGE, algorithm={"ContainerEntrypoint": ["true"]})
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


def test_a_stopped_script_may_save_what_it_has(scripts: Scripts) -> None:
    train = """
        import os, signal, sys, boto3

        def save(*_):
            open(os.environ["SM_MODEL_DIR"] + "/half.txt", "w").write("half way")
            sys.exit(0)

        signal.signal(signal.SIGTERM, save)
        boto3.client("sagemaker").stop_training_job(TrainingJobName=os.environ["TRAINING_JOB_NAME"])
        while True:
            signal.pause()
    """
    job = scripts.script("stops", {"train.py": train})
    assert job["TrainingJobStatus"] == "Stopped"
    assert list(scripts.unpacked(f"output/{job['TrainingJobName']}/output/model.tar.gz")) == ["half.txt"]


def test_a_job_calls_back_after_the_server_was_killed_and_is_up_again(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    train = """
        import os, time, boto3
        from botocore.config import Config
        s3 = boto3.client("s3", config=Config(retries={"max_attempts": 50}))
        while not s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="go")["KeyCount"]:
            time.sleep(0.05)
        open(os.environ["SM_MODEL_DIR"] + "/went.txt", "w").write("on")
    """
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": scripts.source("on", {"train.py": train}),
    }
    name = scripts.start("on", HyperParameters=hyperparameters, Environment={"BUCKET": scripts.road.bucket})
    fresh_server.kill()
    fresh_server.start()
    scripts.road.put("go", "on")
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
