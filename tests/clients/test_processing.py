"""Processing jobs through boto3: a program of one's own over S3 inputs, its outputs in S3."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.processing import Processing, resources
from tests.clients.road import IMAGE, ROLE, until
from tests.clients.scripts import PYTHON, packed
from tests.clients.test_dependencies import artifact
from tests.wheels import wheel

IN, OUT = "/opt/ml/processing/input", "/opt/ml/processing/out"


@pytest.fixture(scope="module")
def processing(server: Any) -> Processing:
    return Processing(server)


def refusal(call: Any, *args: Any, **members: Any) -> tuple[str, str]:
    """The code and the message of an error."""
    with pytest.raises(ClientError) as caught:
        call(*args, **members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_script_gets_its_inputs_and_arguments_and_its_outputs_come_to_stand_in_s3(processing: Processing) -> None:
    script = f"""
        import os, pathlib, sys
        rows = pathlib.Path("{IN}/data/claims.csv").read_text().splitlines()
        share = float(sys.argv[sys.argv.index("--share") + 1])
        cut = int(len(rows) * share)
        pathlib.Path("{OUT}/train.csv").write_text("\\n".join(rows[:cut]))
        os.mkdir("{OUT}/deep")
        os.mkdir("{OUT}/empty")
        pathlib.Path("{OUT}/deep/test.csv").write_text("\\n".join(rows[cut:]))
        print("rows:", len(rows), "arguments:", sys.argv[1:])
    """
    job = processing.completed(
        "split",
        script,
        "--share",
        "0.75",
        "two words",
        inputs=[processing.input("data", "train/")],
        outputs=[processing.output("out", key="split/result/")],
        Tags=[{"Key": "team", "Value": "claims"}],
    )
    assert "rows: 600 arguments: ['--share', '0.75', 'two words']" in processing.lines(job)
    found = processing.content("split/result/")
    assert {name: len(body.split()) for name, body in found.items()} == {"train.csv": 450, "deep/test.csv": 150}
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"] <= job["LastModifiedTime"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}
    assert not {"FailureReason", "ExitMessage"} & job.keys()
    tags = processing.road.sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "claims"}]


def test_the_configuration_files_say_what_was_asked(processing: Processing) -> None:
    script = f"""
        import json, os, pathlib
        files = {{name: json.load(open(f"/opt/ml/config/{{name}}.json")) for name in
                 ("processingjobconfig", "resourceconfig")}}
        pathlib.Path("{OUT}/told.json").write_text(json.dumps(files | {{"env": dict(os.environ)}}))
    """
    experiment = {"ExperimentName": "claims", "TrialName": "first"}
    output = processing.output("out", key="config")
    job = processing.completed(
        "config",
        script,
        outputs=[output],
        Environment={"MINE": "yes", "AWS_REGION": "eu-west-1"},
        ExperimentConfig=experiment,
    )
    told = json.loads(processing.content("config/told.json")[""])
    config = told["processingjobconfig"]
    assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert config["AppSpecification"] == {
        "ImageUri": PYTHON,
        "ContainerEntrypoint": ["python3", f"{IN}/code/script.py"],
        "ContainerArguments": None,
    }
    assert config["Environment"] == {"MINE": "yes", "AWS_REGION": "eu-west-1"}
    source = config["ProcessingInputs"][0]["S3Input"]
    assert (source["LocalPath"], source["S3CompressionType"], source["S3DownloadMode"]) == (
        f"{IN}/code",
        "None",
        "StartOfJob",
    )
    assert config["ProcessingOutputConfig"]["Outputs"][0]["S3Output"] == output["S3Output"]
    assert config["ProcessingOutputConfig"]["KmsKeyId"] is None
    assert config["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"
    assert config["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}
    assert told["resourceconfig"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert (told["env"]["MINE"], told["env"]["AWS_REGION"]) == ("yes", "eu-west-1")
    assert job["ExperimentConfig"] == experiment


def test_a_program_may_change_its_inputs_and_what_is_stored_stays(processing: Processing) -> None:
    large = b"0123456789abcdef" * 100_000
    processing.road.put("mutable/large.bin", large)
    processing.road.put("mutable/small.txt", b"small")
    script = f"""
        import os, shutil
        os.chdir("{IN}/data")
        with open("small.txt", "a") as file:
            file.write(" and more")
        open("beside.txt", "w").write("new")
        assert os.path.getsize("large.bin") == {len(large)}
        shutil.copytree(".", "{OUT}/copied")
        for attempt in (lambda: os.chmod("large.bin", 0o600), lambda: open("large.bin", "r+b").write(b"changed")):
            try:
                attempt()
            except OSError as error:
                print(error)
    """
    processing.completed(
        "mutable",
        script,
        inputs=[processing.input("data", "mutable/")],
        outputs=[processing.output("out", key="mutated")],
    )
    found = processing.content("mutated/copied/")
    assert found == {"large.bin": large, "small.txt": b"small and more", "beside.txt": b"new"}
    stored = processing.content("mutable/")
    assert (stored["large.bin"] == large, stored["small.txt"]) == (True, b"small")


def test_inputs_may_stand_inside_one_another_and_come_by_a_manifest(processing: Processing) -> None:
    processing.road.put("nested/a/1.txt", "1")
    processing.road.put("nested/b/2.txt", "2")
    manifest = [{"prefix": processing.uri("nested/")}, "a/1.txt", "b/2.txt"]
    processing.road.put("manifests/all.json", json.dumps(manifest))
    script = f"""
        import pathlib
        print(sorted(str(path.relative_to("{IN}")) for path in pathlib.Path("{IN}").rglob("*") if path.is_file()))
    """
    job = processing.completed(
        "nested",
        script,
        inputs=[
            processing.input("all", "manifests/all.json", IN, S3DataType="ManifestFile"),
            processing.input("more", "nested/b/", f"{IN}/a/deep/"),
        ],
    )
    assert processing.lines(job)[-1] == "['a/1.txt', 'a/deep/2.txt', 'b/2.txt', 'code/script.py']"


def test_an_output_may_hold_inputs_and_stand_among_them(processing: Processing) -> None:
    large = b"0123456789abcdef" * 100_000
    processing.road.put("among/large.bin", large)
    processing.road.put("among/small.txt", b"small")
    processing.completed(
        "among",
        "open('/opt/ml/processing/all/data/part/new.txt', 'w').write('new')",
        inputs=[processing.input("data", "among/", "/opt/ml/processing/all/data")],
        outputs=[
            processing.output("all", key="among-all"),
            processing.output("part", "/opt/ml/processing/all/data/part", key="among-part"),
        ],
    )
    inputs = {"data/large.bin": large, "data/small.txt": b"small"}
    assert processing.content("among-all/") == {**inputs, "data/part/new.txt": b"new"}
    assert processing.content("among-part/") == {"new.txt": b"new"}


def test_an_output_path_may_be_a_file_and_links_in_outputs_are_not_followed(processing: Processing) -> None:
    script = f"""
        import os
        open("/opt/ml/processing/report/metrics.json", "w").write("{{}}")
        os.rmdir("/opt/ml/processing/bare")
        open("/opt/ml/processing/bare", "w").write("bare")
        os.symlink("/etc/passwd", "{OUT}/link")
        os.mkfifo("{OUT}/pipe")
    """
    processing.completed(
        "file",
        script,
        outputs=[
            processing.output("report", "/opt/ml/processing/report/metrics.json", key="file/report/"),
            processing.output("bare", key="file/bare"),
            processing.output("out", key="file/out"),
        ],
    )
    assert processing.content("file/report/") == {"metrics.json": b"{}"}
    assert processing.content("file/bare") == {"/bare": b"bare"}
    assert processing.content("file/out") == {}


def test_continuous_outputs_are_there_while_the_job_runs(processing: Processing) -> None:
    script = f"""
        import os, time, boto3
        open("/opt/ml/processing/live/one.txt", "w").write("one")
        open("{OUT}/late.txt", "w").write("late")
        s3 = boto3.client("s3")
        while not s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="live/go")["KeyCount"]:
            time.sleep(0.05)
        open("/opt/ml/processing/live/one.txt", "w").write("one, changed")
        open("/opt/ml/processing/live/two.txt", "w").write("two")
    """
    job = processing.start(
        "live",
        script,
        outputs=[
            processing.output("live", mode="Continuous", key="live/out"),
            processing.output("out", key="live/end"),
        ],
        Environment={"BUCKET": processing.road.bucket},
    )
    until(lambda: processing.content("live/out/"), "a continuous output")
    assert processing.content("live/out/") == {"one.txt": b"one"}
    assert processing.content("live/end/") == {}
    assert processing.describe(job)["ProcessingJobStatus"] == "InProgress"
    processing.road.put("live/go", "")
    assert processing.wait(job)["ProcessingJobStatus"] == "Completed"
    assert processing.content("live/out/") == {"one.txt": b"one, changed", "two.txt": b"two"}
    assert processing.content("live/end/") == {"late.txt": b"late"}


def test_app_managed_inputs_and_outputs_are_left_to_the_program(processing: Processing) -> None:
    source = {"S3Uri": processing.uri("absent/"), "S3DataType": "S3Prefix", "S3InputMode": "File"}
    target = {"S3Uri": processing.uri("managed"), "LocalPath": OUT, "S3UploadMode": "EndOfJob"}
    script = f"""
        import json, os
        print(os.path.exists("{IN}/managed"))
        os.makedirs("{OUT}", exist_ok=True)
        open("{OUT}/a.txt", "w").write("mine")
    """
    job = processing.completed(
        "managed",
        script,
        inputs=[{"InputName": "managed", "S3Input": source, "AppManaged": True}],
        outputs=[{"OutputName": "out", "S3Output": target, "AppManaged": True}],
    )
    assert processing.lines(job)[-1] == "False"
    assert processing.content("managed") == {}
    assert job["ProcessingInputs"][1]["AppManaged"] is True
    assert job["ProcessingInputs"][0]["AppManaged"] is False


def test_a_program_that_fails_fails_its_job_with_its_last_words_and_its_message(processing: Processing) -> None:
    script = f"""
        open("/opt/ml/output/message", "w").write("the claims are too old")
        open("/opt/ml/processing/live/half.txt", "w").write("half")
        open("{OUT}/half.txt", "w").write("half")
        print("reading")
        raise KeyError("age")
    """
    job = processing.run(
        "raises",
        script,
        outputs=[
            processing.output("live", mode="Continuous", key="raises/live"),
            processing.output("out", key="raises/out"),
        ],
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: KeyError: 'age', exit code: 1"
    assert job["ExitMessage"] == "the claims are too old"
    assert processing.content("raises/live/") == {"half.txt": b"half"}
    assert processing.content("raises/out/") == {}


def test_a_program_that_says_nothing_fails_by_its_exit_code(processing: Processing) -> None:
    job = processing.run("silent", "raise SystemExit(7)")
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 7"


def test_the_message_of_a_completed_job_is_its_first_kilobyte(processing: Processing) -> None:
    job = processing.completed("message", "open('/opt/ml/output/message', 'w').write('x' + 'é' * 1000)")
    assert job["ExitMessage"] == "x" + "é" * 511
    bad = processing.run("latin", r"open('/opt/ml/output/message', 'wb').write(b'caf\xe9.')")
    assert bad["ProcessingJobStatus"] == "Failed"
    assert bad["FailureReason"].startswith("ClientError: /opt/ml/output/message is not UTF-8")


CALL = f"""
    import json, os, boto3
    who = boto3.client("sts").get_caller_identity()["Arn"]
    s3, bucket = boto3.client("s3"), os.environ["BUCKET"]
    s3.put_object(Bucket=bucket, Key="called/back.txt", Body=b"from inside")
    config = json.load(open("/opt/ml/config/processingjobconfig.json"))
    me = boto3.client("sagemaker").describe_processing_job(ProcessingJobName=config["ProcessingJobName"])
    body = s3.get_object(Bucket=bucket, Key="called/back.txt")["Body"].read().decode()
    told = {{"who": who, "status": me["ProcessingJobStatus"], "body": body, "region": os.environ["AWS_REGION"]}}
    open("{OUT}/told.json", "w").write(json.dumps(told))
"""


def test_a_program_calls_aws_back_as_its_job(processing: Processing) -> None:
    job = processing.completed(
        "call",
        CALL,
        outputs=[processing.output("out", key="call")],
        Environment={"BUCKET": processing.road.bucket},
    )
    assert json.loads(processing.content("call/told.json")[""]) == {
        "who": "arn:aws:sts::000000000000:assumed-role/PotagerExecutionRole/SageMaker-" + job["ProcessingJobName"],
        "status": "InProgress",
        "body": "from inside",
        "region": "us-east-1",
    }


def test_network_isolation_is_honoured(processing: Processing) -> None:
    host, port = processing.server.url.removeprefix("http://").split(":")
    script = f"""
        import os, socket
        try:
            socket.create_connection(("{host}", {port}), 2).close()
            print("reached")
        except OSError:
            print("alone")
        print(sorted(name for name in os.environ if name.startswith("AWS_")))
    """
    job = processing.completed("alone", script, NetworkConfig={"EnableNetworkIsolation": True})
    lines = processing.lines(job)
    assert lines[-1] == "['AWS_DEFAULT_REGION', 'AWS_REGION']"
    if "namespaces" in lines[0]:
        assert lines[-2] == "alone"
    assert job["NetworkConfig"] == {"EnableNetworkIsolation": True}


def test_the_log_opens_with_what_is_really_used(processing: Processing) -> None:
    lines = processing.lines(processing.completed("used", "print('mine')"))
    assert lines[0].startswith("Isolation: ")
    assert lines[1].startswith(f"Potager runs {PYTHON} as Python ")
    assert lines[-3:] == ["", f"python3 {IN}/code/script.py", "mine"]


def test_a_stopped_job_may_write_what_it_has(processing: Processing) -> None:
    script = f"""
        import signal, sys

        def save(*_):
            open("{OUT}/half.txt", "w").write("half way")
            sys.exit(0)

        signal.signal(signal.SIGTERM, save)
        open("/opt/ml/processing/live/ready", "w").write("")
        while True:
            signal.pause()
    """
    outputs = [
        processing.output("live", mode="Continuous", key="stops/live"),
        processing.output("out", key="stops/out"),
    ]
    job = processing.start("stops", script, outputs=outputs)
    until(lambda: processing.content("stops/live/"), "the job's readiness")
    stop = processing.road.sagemaker.stop_processing_job
    stop(ProcessingJobName=job)
    ended = processing.wait(job)
    assert ended["ProcessingJobStatus"] == "Stopped"
    assert processing.content("stops/out/") == {"half.txt": b"half way"}
    code, text = refusal(stop, ProcessingJobName=job)
    assert (code, text) == (
        "ValidationException",
        "The request was rejected because the processing job is in status Stopped.",
    )


def test_a_job_that_runs_too_long_is_stopped_and_its_log_says_why(processing: Processing) -> None:
    job = processing.run("long", "import signal; signal.pause()", limit=1)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert processing.lines(job)[-1] == (
        "Potager stopped this job: it ran longer than StoppingCondition.MaxRuntimeInSeconds allows."
    )


def test_jobs_are_listed_and_forgotten(processing: Processing) -> None:
    job = processing.completed("listed")["ProcessingJobName"]
    sagemaker = processing.road.sagemaker
    (found,) = sagemaker.list_processing_jobs(NameContains=job, StatusEquals="Completed")["ProcessingJobSummaries"]
    assert found["ProcessingJobName"] == job
    assert {"ProcessingJobArn", "CreationTime", "ProcessingEndTime", "LastModifiedTime"} < found.keys()
    code, text = refusal(processing.start, "listed")
    assert (code, "already exists" in text) == ("ResourceInUse", True)
    sagemaker.delete_processing_job(ProcessingJobName=job)
    code, text = refusal(sagemaker.describe_processing_job, ProcessingJobName=job)
    assert code == "ValidationException"
    assert text.startswith(f"Could not find requested job with name: {job}")
    assert processing.completed("listed")["ProcessingJobName"] == job


def test_a_job_that_runs_cannot_be_deleted(processing: Processing) -> None:
    job = processing.start("running", "import signal; signal.pause()")
    code, _ = refusal(processing.road.sagemaker.delete_processing_job, ProcessingJobName=job)
    processing.road.sagemaker.stop_processing_job(ProcessingJobName=job)
    processing.wait(job)
    assert code == "ResourceInUse"


@pytest.mark.parametrize(
    ("name", "key", "path", "reason"),
    [
        ("none", "none/", f"{IN}/data", "No S3 objects found under S3 URL"),
        ("clash", "clash/", IN, "Two objects of the inputs clash at '/opt/ml/processing/input/code'."),
    ],
)
def test_inputs_that_are_not_there_or_clash_are_named(
    processing: Processing, name: str, key: str, path: str, reason: str
) -> None:
    processing.road.put("clash/code", "a file where the script's folder has to be")
    job = processing.run(name, inputs=[processing.input("data", key, path)])
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Failed to download data. {reason}")
    assert "ProcessingStartTime" not in job


def test_an_output_without_its_bucket_fails_before_the_work(processing: Processing) -> None:
    output = processing.output("out")
    output["S3Output"]["S3Uri"] = "s3://no-such-bucket-here/out"
    job = processing.run("bucketless", outputs=[output])
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ProcessingOutput 'out': ")
    assert "no-such-bucket-here" in job["FailureReason"]


def test_an_image_that_is_none_of_ours_fails_with_those_that_are(processing: Processing) -> None:
    job = processing.run("unknown", image="000000000000.dkr.ecr.us-east-1.amazonaws.com/my-own:1")
    assert job["FailureReason"].startswith("ClientError: Potager has no image of the repository 'my-own'.")


def test_a_command_runs_as_given_on_any_image(processing: Processing) -> None:
    job = processing.completed(
        "command", "", "--one", "$HOME", image=IMAGE, entrypoint=["/bin/sh", "-c", 'printf "%s|" "$@"', "name"]
    )
    assert processing.lines(job)[-1] == "--one|$HOME|"


RUNPROC = """
    #!/bin/bash
    cd /opt/ml/processing/input/code/
    tar -xzf sourcedir.tar.gz
    set -e
    python beside.py "$@"
"""


def test_a_framework_processor_s_entry_point_unpacks_its_source_beside_itself(processing: Processing) -> None:
    processing.road.put("framework/source/sourcedir.tar.gz", packed({"beside.py": "import sys; print(sys.argv[1:])"}))
    processing.road.put("framework/entry/runproc.sh", "\n".join(line.strip() for line in RUNPROC.strip().splitlines()))
    job = processing.completed(
        "framework",
        None,
        "--depth",
        "3",
        inputs=[
            processing.input("code", "framework/source/sourcedir.tar.gz", f"{IN}/code/"),
            processing.input("entrypoint", "framework/entry/runproc.sh"),
        ],
        entrypoint=["/bin/bash", f"{IN}/entrypoint/runproc.sh"],
    )
    assert processing.lines(job)[-1] == "['--depth', '3']"


INSTALLS = """
    #!/bin/bash
    cd /opt/ml/processing/input/code/
    tar -xzf sourcedir.tar.gz
    set -e
    pip uninstall --yes typing
    python -m pip install -r requirements.txt
    python tell.py
"""


def test_a_framework_processor_s_requirements_are_installed_for_its_job_alone(
    processing: Processing, tmp_path: Path
) -> None:
    built = wheel(tmp_path, "tidings", "1.5")
    files = {
        "tell.py": b"import tidings; print('has', tidings.VERSION)",
        "requirements.txt": b"--no-index\n--find-links wheels\ntidings\n",
        f"wheels/{built.name}": built.read_bytes(),
    }
    processing.road.put("installs/sourcedir.tar.gz", artifact(files))
    processing.road.put("installs/runproc.sh", "\n".join(line.strip() for line in INSTALLS.strip().splitlines()))
    job = processing.completed(
        "installs",
        None,
        inputs=[
            processing.input("code", "installs/sourcedir.tar.gz"),
            processing.input("entrypoint", "installs/runproc.sh"),
        ],
        entrypoint=["/bin/bash", f"{IN}/entrypoint/runproc.sh"],
    )
    assert processing.lines(job)[-1] == "has 1.5"
    assert find_spec("tidings") is None


def test_each_of_several_hosts_has_its_share_its_log_and_its_outputs(processing: Processing) -> None:
    for number in range(3):
        processing.road.put(f"sharded/{number}.txt", str(number))
    script = f"""
        import json, os
        config = json.load(open("/opt/ml/config/resourceconfig.json"))
        me = config["current_host"]
        assert config["hosts"] == ["algo-1", "algo-2"], config
        open(f"{OUT}/{{me}}.txt", "w").write(",".join(sorted(os.listdir("{IN}/part"))))
        open("/opt/ml/output/message", "w").write(f"{{me}} has {{len(os.listdir('{IN}/all'))}};")
        print("this is", me)
    """
    job = processing.completed(
        "hosts",
        script,
        inputs=[
            processing.input("part", "sharded/", S3DataDistributionType="ShardedByS3Key"),
            processing.input("all", "sharded/"),
        ],
        outputs=[processing.output("out", key="hosts")],
        resources=resources(2),
    )
    assert processing.content("hosts/") == {"algo-1.txt": b"0.txt,2.txt", "algo-2.txt": b"1.txt"}
    assert job["ExitMessage"] == "algo-1 has 3;algo-2 has 3;"
    assert [processing.lines(job, host)[-1] for host in ("algo-1", "algo-2")] == ["this is algo-1", "this is algo-2"]


def test_a_host_that_fails_ends_the_others_and_is_named(processing: Processing) -> None:
    script = """
        import json, signal
        if json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"] == "algo-2":
            raise ValueError("no claims for me")
        signal.pause()
    """
    job = processing.run("host-fails", script, resources=resources(2))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: ValueError: no claims for me, exit code: 1, host: algo-2"


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "elsewhere",
        {"inputs": [("a", {"LocalPath": "/opt/ml/input/a"})]},
        "ValidationException",
        "below /opt/ml/processing",
    ),
    (
        "up",
        {"inputs": [("a", {"LocalPath": "/opt/ml/processing/../x"})]},
        "ValidationException",
        "below /opt/ml/processing",
    ),
    ("pathless", {"inputs": [("a", {"LocalPath": None})]}, "ValidationException", "no LocalPath"),
    ("gzip", {"inputs": [("a", {"S3CompressionType": "Gzip"})]}, "ValidationException", "S3InputMode Pipe"),
    ("pipe", {"inputs": [("a", {"S3InputMode": "Pipe"})]}, "NotImplemented", "Use File"),
    (
        "twice",
        {"inputs": [("a", {}), ("a", {"LocalPath": "/opt/ml/processing/b"})]},
        "ValidationException",
        "two of the name 'a'",
    ),
    (
        "same",
        {"inputs": [("a", {"LocalPath": OUT})], "outputs": ["out"]},
        "ValidationException",
        "An input and an output",
    ),
]


@pytest.mark.parametrize(("name", "given", "code", "said"), BAD, ids=[each[0] for each in BAD])
def test_what_no_job_could_do_is_refused_at_once(
    processing: Processing, name: str, given: dict[str, Any], code: str, said: str
) -> None:
    inputs = [processing.input(each, "train/") for each, _ in given["inputs"]]
    for one, (_, changes) in zip(inputs, given["inputs"], strict=True):
        one["S3Input"] = {key: value for key, value in (one["S3Input"] | changes).items() if value is not None}
    outputs = [processing.output(each) for each in given.get("outputs", ())]
    seen, text = refusal(processing.start, f"bad-{name}", inputs=inputs, outputs=outputs)
    assert (seen, said in text) == (code, True), text


def test_what_is_not_served_is_refused_by_name(processing: Processing) -> None:
    feature = {"OutputName": "f", "FeatureStoreOutput": {"FeatureGroupName": "claims"}, "AppManaged": True}
    assert refusal(processing.start, "feature", outputs=[feature]) == (
        "NotImplemented",
        "ProcessingOutput 'f' with FeatureStoreOutput is not served yet. Give S3Output.",
    )
    athena = {"Catalog": "c", "Database": "d", "QueryString": "q", "OutputS3Uri": "s3://b/o", "OutputFormat": "PARQUET"}
    dataset = {"InputName": "d", "DatasetDefinition": {"LocalPath": OUT, "AthenaDatasetDefinition": athena}}
    code, text = refusal(processing.start, "dataset", inputs=[dataset])
    assert (code, "DatasetDefinition" in text) == ("NotImplemented", True)
    selected = {"ClusterConfig": resources()["ClusterConfig"] | {"SelectedInstanceCount": 30}}
    code, text = refusal(processing.start, "selected", resources=selected)
    assert (code, "SelectedInstanceCount is read-only" in text) == ("ValidationException", True)
    code, text = refusal(processing.start, "many", resources=resources(21))
    assert (code, "for a processing job' is 20 Instances" in text) == ("ResourceLimitExceeded", True)
    code, text = refusal(
        processing.road.sagemaker.create_processing_job,
        ProcessingJobName="programless",
        AppSpecification={"ImageUri": PYTHON},
        ProcessingResources=resources(),
        RoleArn=ROLE,
    )
    assert (code, "without ContainerEntrypoint on the image python" in text) == ("NotImplemented", True)


def test_nothing_of_a_job_stays_in_the_data_folder(processing: Processing) -> None:
    job = processing.completed("clean", f"import os; os.mkdir('{OUT}'); os.chmod('{OUT}', 0)")
    folder = processing.server.data / "jobs"
    until(lambda: not [name for name in os.listdir(folder) if name.startswith("pr-")], f"the end of {job}'s folder")
