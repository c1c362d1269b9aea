"""What a program names in requirements.txt, brings as a package or installs by itself, through boto3."""

from __future__ import annotations

import functools
import http.server
import importlib.metadata
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.road import ROLE, WAIT, until, wait_for_job
from tests.clients.scripts import PYTHON, Scripts, packed
from tests.wheels import wheel

TELL = "import tidings; print('has', tidings.VERSION)"
HERE = "--no-index\n--find-links wheels\n"


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on loopback that has `tidings` 1.5."""
    wheel(tmp_path / "simple" / "tidings", "tidings", "1.5")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/simple"
        serving.shutdown()
        thread.join()


def artifact(files: dict[str, str | bytes]) -> bytes:
    """A gzipped tar of texts and bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def test_requirements_come_from_an_index_and_are_kept(scripts: Scripts, index: str) -> None:
    files = {"train.py": TELL, "requirements.txt": "tidings>=1  # news\n"}
    first = scripts.script("index", files, Environment={"PIP_INDEX_URL": index})
    lines = scripts.lines(first)
    assert first["TrainingJobStatus"] == "Completed", (first.get("FailureReason"), lines)
    assert lines[1].startswith("Potager runs ")
    assert lines[2] == "requirements.txt: installing tidings>=1"
    assert "Successfully installed tidings-1.5" in lines
    assert lines[-3:] == ["", "python train.py", "has 1.5"]
    second = scripts.script("kept", files, Environment={"PIP_INDEX_URL": index})
    lines = scripts.lines(second)
    assert lines[2].startswith("requirements.txt: found installed, in environment ")
    assert lines[3:] == ["Invoking script with the following command:", "", "python train.py", "has 1.5"]
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("tidings")


def test_an_index_that_does_not_answer_is_a_reason_with_a_remedy(scripts: Scripts) -> None:
    files = {"train.py": "", "requirements.txt": "numpy\nno-such-package>=7\n"}
    job = scripts.script("unmet", files, Environment={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "AlgorithmError: InstallRequirementsError: requirements.txt could not be installed: "
        "ERROR: No matching distribution found for no-such-package>=7. "
        "No package index answered. Let pip reach one (PIP_INDEX_URL, pip.conf) where Potager runs, "
        "or install into Potager's environment: pip install 'no-such-package>=7'"
    )


def test_a_source_with_setup_py_is_installed_and_its_program_is_a_module(scripts: Scripts) -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='mine', version='2.0', packages=['mine'])\n",
        "mine/__init__.py": "",
        "mine/work.py": """
            import sys, importlib.metadata
            print(__name__, importlib.metadata.version("mine"), *sys.argv[1:])
        """,
    }
    job = scripts.script("package", files, "mine.work", hyperparameters={"depth": 3})
    lines = scripts.lines(job)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    assert lines[-2:] == ["python -m mine.work --depth 3", "__main__ 2.0 --depth 3"]


def test_a_package_that_cannot_be_built_fails_the_job(scripts: Scripts) -> None:
    job = scripts.script("broken", {"train.py": "", "setup.py": "raise SystemExit('no such compiler')"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: InstallModuleError: the source could not be installed: "), (
        job["FailureReason"]
    )
    assert any("no such compiler" in line for line in scripts.lines(job))


def test_pip_in_a_command_of_one_s_own(scripts: Scripts, index: str) -> None:
    line = f"pip install tidings && python3 -c '{TELL.replace(chr(39), chr(34))}'"
    job = scripts.run(
        "command",
        algorithm={"ContainerEntrypoint": ["/bin/sh", "-c", line]},
        Environment={"PIP_INDEX_URL": index},
    )
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    assert scripts.lines(job)[-1] == "has 1.5"


def test_a_job_without_a_network_takes_what_its_source_brings(scripts: Scripts, tmp_path: Path) -> None:
    name = "alone"
    wheel_file = wheel(tmp_path, "tidings", "1.6")
    body = artifact(
        {
            "train.py": TELL,
            "requirements.txt": HERE + "tidings==1.6\n",
            f"wheels/{wheel_file.name}": wheel_file.read_bytes(),
        }
    )
    scripts.road.s3.put_object(Bucket=scripts.road.bucket, Key=f"{name}/sourcedir.tar.gz", Body=body)
    given = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{scripts.road.bucket}/{name}/sourcedir.tar.gz",
    }
    job = scripts.run(name, HyperParameters=given, EnableNetworkIsolation=True)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))
    assert scripts.lines(job)[-1] == "has 1.6"


def test_hosts_of_a_job_install_once(scripts: Scripts, index: str) -> None:
    files = {"train.py": TELL, "requirements.txt": "tidings\n"}
    job = scripts.script("hosts", files, instances=2, Environment={"PIP_INDEX_URL": index})
    group, prefix = "/aws/sagemaker/TrainingJobs", f"{job['TrainingJobName']}/"
    events = scripts.logs.filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)["events"]
    lines = [event["message"] for event in events]
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    assert lines.count("has 1.5") == 2
    assert sum(line.startswith("requirements.txt: installing") for line in lines) == 1


def test_hosts_that_are_alone_together_install_what_their_source_brings(scripts: Scripts) -> None:
    files = {
        "train.py": "import socket, word; print(word.WORD, socket.gethostbyname('algo-2'))",
        "requirements.txt": "--no-index\n./word\n",
        "word/setup.py": "from setuptools import setup\nsetup(name='word', version='1', py_modules=['word'])\n",
        "word/word.py": "WORD = 'built'\n",
    }
    told = {"PIP_NO_BUILD_ISOLATION": "0"}
    job = scripts.script("apart", files, instances=2, EnableNetworkIsolation=True, Environment=told)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), scripts.lines(job))


SERVE = """
import json
import tidings

def model_fn(model_dir):
    return tidings.VERSION

def transform_fn(model, body, content_type, accept):
    return json.dumps({"tidings": model}), "application/json"
"""


@pytest.fixture(scope="module")
def model(scripts: Scripts, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model whose script needs a package, which the artifact brings."""
    file = wheel(tmp_path_factory.mktemp("wheels"), "tidings", "1.7")
    files: dict[str, str | bytes] = {
        "code/inference.py": SERVE,
        "code/requirements.txt": HERE + "tidings\n",
        f"code/wheels/{file.name}": file.read_bytes(),
    }
    key = "dependencies/model.tar.gz"
    scripts.road.s3.put_object(Bucket=scripts.road.bucket, Key=key, Body=artifact(files))
    name = f"{scripts.road.prefix}-dependencies"
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{scripts.road.bucket}/{key}"}
    scripts.road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    return name


def test_a_model_s_requirements_are_installed_for_its_endpoint(scripts: Scripts, model: str) -> None:
    road, name = scripts.road, f"{scripts.road.prefix}-needs"
    variant = {"VariantName": "All", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    road.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    road.wait_in_service(name)
    runtime = scripts.server.client("sagemaker-runtime")
    for _ in range(2):
        body = runtime.invoke_endpoint(EndpointName=name, Body=b"{}", ContentType="application/json")["Body"].read()
        assert json.loads(body) == {"tidings": "1.7"}
    group = f"/aws/sagemaker/Endpoints/{name}"
    events = scripts.logs.filter_log_events(logGroupName=group)["events"]
    assert sum("requirements.txt: installing" in event["message"] for event in events) <= 1
    road.delete(name)


def test_a_model_s_requirements_are_installed_for_its_transform(scripts: Scripts, model: str) -> None:
    road, name = scripts.road, f"{scripts.road.prefix}-needs"
    road.put("rows/one.json", "{}")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{road.bucket}/rows/"}}
    road.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": source, "ContentType": "application/json"},
        TransformOutput={"S3OutputPath": f"s3://{road.bucket}/rows-out/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    road.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name, WaiterConfig=WAIT)
    body = road.s3.get_object(Bucket=road.bucket, Key="rows-out/one.json.out")["Body"].read()
    assert json.loads(body) == {"tidings": "1.7"}


def test_an_endpoint_whose_requirements_cannot_be_met_says_why(scripts: Scripts) -> None:
    road, name = scripts.road, f"{scripts.road.prefix}-lacks"
    files = {"code/inference.py": SERVE, "code/requirements.txt": "--no-index\nno-such-package\n"}
    road.s3.put_object(Bucket=road.bucket, Key="lacks/model.tar.gz", Body=packed(files))
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/lacks/model.tar.gz"}
    road.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "All", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    road.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    road.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def failed() -> Any:
        shown = road.sagemaker.describe_endpoint(EndpointName=name)
        return shown if shown["EndpointStatus"] == "Failed" else None

    shown = until(failed, "the endpoint to fail")
    assert "requirements.txt could not be installed: ERROR: No matching distribution" in shown["FailureReason"]


def test_a_server_killed_while_a_job_installs_finds_it_done(fresh_server: Any, tmp_path: Path) -> None:
    scripts = Scripts(fresh_server)
    began, go = tmp_path / "began", tmp_path / "go"
    setup = """
        import urllib.request
        urllib.request.urlopen("GATE/began")
        from setuptools import setup
        setup(name="slow", version="1", py_modules=[])
    """

    class Gate(http.server.BaseHTTPRequestHandler):
        """Says that pip is at work, and has it wait for the test's word."""

        def do_GET(self) -> None:
            began.touch()
            until(go.exists, "the test's word")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate) as gate:
        threading.Thread(target=gate.serve_forever, daemon=True).start()
        setup = setup.replace("GATE", f"http://127.0.0.1:{gate.server_port}")
        files = {"train.py": "print('went')", "requirements.txt": "--no-index\n./slow\n", "slow/setup.py": setup}
        given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": scripts.source("slow", files)}
        told = {"PIP_NO_BUILD_ISOLATION": "0"}
        name = scripts.start("slow", HyperParameters=given, Environment=told)
        until(began.exists, "pip to be at work")
        fresh_server.kill()
        go.touch()
        fresh_server.start()
        job = wait_for_job(scripts.road.sagemaker, name)
        gate.shutdown()
    lines = scripts.lines(job)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    assert lines[-1] == "went"
    assert sum(line.startswith("requirements.txt: installing") for line in lines) == 1
