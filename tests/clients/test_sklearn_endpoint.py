"""A model of one's own behind an endpoint, through boto3: an artifact made with joblib, and the user's script."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import pytest
from botocore.exceptions import ClientError
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.clients.road import ROLE, WAIT, Road

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PYTHON = "000000000000.dkr.ecr.us-east-1.amazonaws.com/python:3.11"

LOADING = """
import os
import joblib

print("the script is imported")

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A gzipped tar of texts and bytes by their names."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def pickled() -> bytes:
    """A pipeline that adds two numbers up."""
    rows = np.arange(40.0).reshape(20, 2) % 7
    stream = io.BytesIO()
    joblib.dump(make_pipeline(StandardScaler(), LinearRegression()).fit(rows, rows.sum(axis=1)), stream)
    return stream.getvalue()


def create(
    road: Road,
    name: str,
    files: Mapping[str, str | bytes] | None,
    *,
    image: str = IMAGE,
    isolated: bool = False,
    **environment: str,
) -> str:
    """An endpoint of an artifact with these files, or of no artifact, on its way."""
    model = f"{road.prefix}-{name}"
    container: dict[str, Any] = {"Image": image, "Environment": environment}
    if files is not None:
        road.put(f"{name}/model.tar.gz", archive(files))
        container["ModelDataUrl"] = f"s3://{road.bucket}/{name}/model.tar.gz"
    road.sagemaker.create_model(
        ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE, EnableNetworkIsolation=isolated
    )
    road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=road.config(name, model))
    return model


def serve(road: Road, name: str, files: Mapping[str, str | bytes] | None, **more: Any) -> str:
    """The same, in service."""
    endpoint = create(road, name, files, **more)
    road.wait_in_service(endpoint)
    return endpoint


def reason(road: Road, endpoint: str) -> str:
    """Why an endpoint could not be brought up."""
    with pytest.raises(Exception, match="terminal failure"):
        road.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=WAIT)
    shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "Failed"
    return shown["FailureReason"]


def ask(road: Road, endpoint: str, body: bytes | str, kind: str = "text/csv", accept: str = "") -> tuple[bytes, str]:
    """The answer's body and content type."""
    more = {"Accept": accept} if accept else {}
    answer = road.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind, **more)
    return answer["Body"].read(), answer["ContentType"]


def refusal(road: Road, endpoint: str, *asked: str) -> dict[str, Any]:
    """The ModelError of a request."""
    with pytest.raises(ClientError) as caught:
        ask(road, endpoint, *asked)
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    return dict(caught.value.response)


def log(server: Any, endpoint: str) -> str:
    """All that an endpoint's instances have said."""
    events = server.client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
    return "\n".join(event["message"] for event in events)


def test_a_pickled_pipeline_answers_without_a_script(server: Any, road: Road) -> None:
    endpoint = serve(road, "bare", {"model.joblib": pickled()})
    answer, kind = ask(road, endpoint, "1,2")
    assert (json.loads(answer), kind) == (pytest.approx([3]), "application/json")
    body, kind = ask(road, endpoint, "1,2\n3,4\n", accept="text/csv")
    assert [float(line) for line in body.split()] == pytest.approx([3, 7])
    assert kind == "text/csv"
    assert "scikit-learn" in log(server, endpoint)
    assert "served by numpy" in log(server, endpoint)
    road.delete(endpoint)


def test_a_pipeline_with_categories_is_compiled_unless_the_model_says_otherwise(server: Any, road: Road) -> None:
    random = np.random.default_rng(0)
    rows = np.column_stack([random.normal(size=(200, 2)), random.integers(0, 3, 200)]).round(3)
    before = ColumnTransformer([("n", StandardScaler(), [0, 1]), ("k", OneHotEncoder(), [2])])
    model = make_pipeline(before, GradientBoostingClassifier(n_estimators=5)).fit(rows, rows[:, 0] > rows[:, 2] - 1)
    stream = io.BytesIO()
    joblib.dump(model, stream)
    body = "\n".join(",".join(map(repr, row)) for row in rows[:5].tolist())
    wanted = model.predict(rows[:5].astype(np.float32)).tolist()
    for name, variables, said in (
        ("compiled", {}, "served by ONNX Runtime "),
        ("plain", {"POTAGER_COMPILE": "off"}, "POTAGER_COMPILE is off"),
    ):
        endpoint = serve(road, name, {"model.joblib": stream.getvalue()}, **variables)
        assert json.loads(ask(road, endpoint, body)[0]) == wanted
        assert said in log(server, endpoint)
        assert "unknown categories" in refusal(road, endpoint, "1,2,7")["OriginalMessage"]
        road.delete(endpoint)


def test_npy_goes_in_and_comes_out(road: Road) -> None:
    endpoint = serve(road, "npy", {"model.joblib": pickled(), "code/inference.py": LOADING})
    stream = io.BytesIO()
    np.save(stream, np.array([[1.0, 2.0], [3.0, 4.0]]))
    body, kind = ask(road, endpoint, stream.getvalue(), "application/x-npy", "application/x-npy")
    assert kind == "application/x-npy"
    assert np.load(io.BytesIO(body)).tolist() == pytest.approx([3, 7])
    road.delete(endpoint)


def test_the_scripts_own_functions_read_and_write(server: Any, road: Road) -> None:
    script = (
        LOADING
        + """
from rows import parsed

def input_fn(body, content_type):
    print("asked with", content_type)
    return parsed(body)

def output_fn(prediction, accept):
    return f"total={prediction.sum():.1f}", "text/plain"
"""
    )
    rows = "def parsed(body):\n    return [[float(x) for x in line.split(';')] for line in body.decode().split('/')]\n"
    files = {"model.joblib": pickled(), "code/inference.py": script, "code/rows.py": rows}
    endpoint = serve(road, "own", files)
    assert ask(road, endpoint, "1;2/3;4", "text/x-semicolons") == (b"total=10.0", "text/plain")
    assert "the script is imported" in log(server, endpoint)
    assert "asked with text/x-semicolons" in log(server, endpoint)
    road.delete(endpoint)


def test_transform_fn_does_it_all_on_the_plain_image_without_an_artifact(road: Road) -> None:
    script = """
def model_fn(model_dir):
    return {"factor": 3}

def transform_fn(model, body, content_type, accept):
    return {"tripled": model["factor"] * int(body)}
"""
    road.put("plain/sourcedir.tar.gz", archive({"triple.py": script}))
    source = f"s3://{road.bucket}/plain/sourcedir.tar.gz"
    environment = {"SAGEMAKER_PROGRAM": "triple.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
    endpoint = serve(road, "triples", None, image=PYTHON, **environment)
    assert json.loads(ask(road, endpoint, "14", "application/json")[0]) == {"tripled": 42}
    road.delete(endpoint)


def test_a_script_beside_the_artifact_is_named_by_the_environment(road: Road) -> None:
    script = LOADING + "\ndef predict_fn(data, model):\n    return -model.predict(data.reshape(-1, 2))\n"
    road.put("beside/sourcedir.tar.gz", archive({"mine/serving.py": script}))
    source = f"s3://{road.bucket}/beside/sourcedir.tar.gz"
    environment = {"SAGEMAKER_PROGRAM": "mine/serving.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
    endpoint = serve(road, "beside", {"model.joblib": pickled()}, **environment)
    assert json.loads(ask(road, endpoint, "1,2")[0]) == pytest.approx([-3])
    road.delete(endpoint)


def test_errors_tell_the_client_what_and_the_log_where(server: Any, road: Road) -> None:
    script = LOADING + "\ndef predict_fn(data, model):\n    raise ValueError('the moon is wrong')\n"
    endpoint = serve(road, "errors", {"model.joblib": pickled(), "code/inference.py": script})
    failed = refusal(road, endpoint, "1,2")
    assert (failed["OriginalStatusCode"], failed["OriginalMessage"]) == (500, "ValueError: the moon is wrong")
    assert f"/Endpoints/{endpoint}" in failed["LogStreamArn"]
    unsupported = refusal(road, endpoint, "<p>", "text/html")
    assert unsupported["OriginalStatusCode"] == 415
    assert "text/html" in unsupported["OriginalMessage"]
    malformed = refusal(road, endpoint, "1,2\n3")
    assert malformed["OriginalStatusCode"] == 400
    assert "row 2" in malformed["OriginalMessage"]
    text = log(server, endpoint)
    assert "/code/inference.py" in text
    assert "in predict_fn" in text
    assert "raise ValueError('the moon is wrong')" in text
    road.delete(endpoint)


@pytest.mark.parametrize(
    ("name", "files", "environment", "said"),
    [
        (
            "module",
            {"code/inference.py": "import skimage\n"},
            {},
            "No module named 'skimage'.*pip install scikit-image",
        ),
        ("line", {"code/inference.py": "x = 1\n1 / 0\n"}, {}, r"inference\.py, line 2\): ZeroDivisionError"),
        ("model", {"code/inference.py": "x = 1\n"}, {}, "it holds none. Write model_fn"),
        ("loader", {"code/inference.py": "def model_fn(d):\n    raise OSError('no disk')\n"}, {}, "OSError: no disk"),
        ("program", {"code/a.py": ""}, {"SAGEMAKER_PROGRAM": "b.py"}, r"'b\.py', which is not in .*There is: a\.py"),
        ("source", {"a": ""}, {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://no-such-bucket/a.tar.gz"}, "s3://no-such-bucket"),
    ],
)
def test_an_endpoint_that_cannot_serve_fails_with_the_reason(
    road: Road, name: str, files: dict[str, str], environment: dict[str, str], said: str
) -> None:
    endpoint = create(road, f"bad-{name}", files, **environment)
    assert re.search(said, reason(road, endpoint), re.DOTALL)
    road.delete(endpoint)


def test_a_source_that_is_no_archive_fails_the_endpoint(road: Road) -> None:
    road.put("torn/sourcedir.tar.gz", b"no archive")
    source = f"s3://{road.bucket}/torn/sourcedir.tar.gz"
    endpoint = create(road, "torn", {"model.joblib": pickled()}, SAGEMAKER_SUBMIT_DIRECTORY=source)
    assert "not a tar archive that can be unpacked" in reason(road, endpoint)
    road.delete(endpoint)


@pytest.mark.parametrize("isolated", [False, True], ids=["open", "isolated"])
def test_a_script_has_the_network_unless_the_model_asks_for_isolation(road: Road, isolated: bool) -> None:
    probe = "from potager.compute.process import isolation; print(isolation.probe().level)"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout.strip() != "namespaces":
        pytest.skip("this machine offers no namespaces")
    script = """
import os

def model_fn(model_dir):
    return os.readlink("/proc/self/ns/net")

def transform_fn(model, body, content_type, accept):
    return model
"""
    endpoint = serve(road, f"net-{isolated}".lower(), {"code/inference.py": script}, image=PYTHON, isolated=isolated)
    own = ask(road, endpoint, "", "text/csv")[0].decode() != os.readlink("/proc/self/ns/net")
    assert own == isolated
    road.delete(endpoint)
