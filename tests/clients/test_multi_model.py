"""Many models behind one endpoint, through boto3: loaded when they are asked for, kept, evicted, replaced."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.road import IMAGE as LINEAR
from tests.clients.road import ROLE, Road, until
from tests.clients.test_sklearn_endpoint import IMAGE, PYTHON, archive, log, pickled

TELLS = """
import json, os
import features

print("loaded", features.NAME)

class Held:
    def __init__(self, megabytes):
        self.room = bytearray(os.urandom(2**20) * megabytes)

def model_fn(model_dir):
    if features.NAME == "dies":
        os._exit(1)
    if features.NAME == "broken":
        raise ValueError("it has no weights")
    return Held(features.MEGABYTES)

def predict_fn(data, model, context):
    import late
    if data == "die":
        os._exit(1)
    return {"name": features.NAME, "late": late.NAME, "target": context.model_name}

def input_fn(body, content_type):
    return body

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def put(road: Road, where: str, name: str, *, told: str | None = None, megabytes: int = 0) -> None:
    """A model with modules of its own, all of them called alike, below a prefix."""
    said = f"NAME = {told or name!r}\n"
    files = {
        "code/inference.py": TELLS,
        "code/features.py": f"{said}MEGABYTES = {megabytes}\n",
        "code/late.py": said,
    }
    road.put(f"{where}/{name}.tar.gz", archive(files))


def created(road: Road, name: str, image: str = PYTHON, **more: Any) -> str:
    """A multi-model endpoint in service over the prefix of its name."""
    model = f"{road.prefix}-{name}"
    container = {"Image": image, "Mode": "MultiModel", "ModelDataUrl": f"s3://{road.bucket}/{name}/", **more}
    road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=road.config(name, model))
    road.wait_in_service(model)
    return model


def asked(road: Road, endpoint: str, target: str | None, body: str = "x", kind: str = "text/plain") -> Any:
    more = {"TargetModel": target} if target else {}
    answer = road.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind, **more)
    return json.loads(answer["Body"].read())


def error(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call()
    return dict(caught.value.response)


def times(server: Any, endpoint: str, text: str) -> int:
    return log(server, endpoint).count(text)


def test_models_are_loaded_once_when_they_are_asked_for_and_their_modules_do_not_meet(server: Any, road: Road) -> None:
    for name in ("a", "b", "deep/c"):
        put(road, "many", name)
    endpoint = created(road, "many")
    shown = road.sagemaker.describe_model(ModelName=endpoint)["PrimaryContainer"]
    assert shown["Mode"] == "MultiModel"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asked(road, endpoint, "a.tar.gz"), range(8)))
    assert answers == [{"name": "a", "late": "a", "target": "a.tar.gz"}] * 8
    assert asked(road, endpoint, "b.tar.gz") == {"name": "b", "late": "b", "target": "b.tar.gz"}
    assert asked(road, endpoint, "/deep/c.tar.gz")["late"] == "deep/c"
    assert asked(road, endpoint, "a.tar.gz")["late"] == "a"
    assert [times(server, endpoint, f"loaded {name}") for name in ("a", "b", "deep/c")] == [1, 1, 1]
    put(road, "many", "new")
    assert asked(road, endpoint, "new.tar.gz")["name"] == "new"
    put(road, "many", "a", told="another")
    assert asked(road, endpoint, "a.tar.gz")["name"] == "a", "what is loaded stays, as on AWS"
    road.delete(endpoint)


def test_what_is_wrong_with_one_model_leaves_the_others_answering(server: Any, road: Road) -> None:
    for name in ("well", "broken", "dies"):
        put(road, "wrong", name)
    road.put("wrong/text.tar.gz", "no archive")
    endpoint = created(road, "wrong")
    absent = error(lambda: asked(road, endpoint, "absent.tar.gz"))
    assert absent["Error"]["Code"] == "ValidationError"
    place = f"bucket: {road.bucket}, key: wrong/absent.tar.gz"
    assert absent["Error"]["Message"].startswith(f"Failed to download model data({place}). Please ensure that there is")
    for target in ("../many/a.tar.gz", "a/../../x", "./a"):
        assert "is no key below" in error(lambda: asked(road, endpoint, target))["Error"]["Message"]  # noqa: B023
    assert "missing a target model header" in error(lambda: asked(road, endpoint, None))["Error"]["Message"]
    with ThreadPoolExecutor(4) as pool:
        failed = list(pool.map(lambda _: error(lambda: asked(road, endpoint, "broken.tar.gz")), range(4)))
    for each in failed:
        assert (each["Error"]["Code"], each["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
        assert each["OriginalMessage"] == "ValueError: it has no weights"
        assert each["Error"]["Message"].count("See log group") == 1
    assert "not a tar archive" in error(lambda: asked(road, endpoint, "text.tar.gz"))["OriginalMessage"]
    assert asked(road, endpoint, "well.tar.gz")["name"] == "well"
    assert error(lambda: asked(road, endpoint, "dies.tar.gz"))["Error"]["Code"] == "ModelError"

    def back() -> Any:
        try:
            return asked(road, endpoint, "well.tar.gz")
        except ClientError:
            return None

    assert until(back, "the worker that died while it loaded")["name"] == "well"
    put(road, "wrong", "broken", told="mended")
    assert asked(road, endpoint, "broken.tar.gz")["name"] == "mended"
    road.delete(endpoint)


def test_an_endpoint_of_one_model_takes_no_target(road: Road) -> None:
    endpoint = f"{road.prefix}-one"
    road.put("one/model.tar.gz", archive({"model.joblib": pickled()}))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{road.bucket}/one/model.tar.gz"}
    road.sagemaker.create_model(ModelName=endpoint, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=road.config("one", endpoint))
    road.wait_in_service(endpoint)
    refused = error(lambda: asked(road, endpoint, "a.tar.gz"))
    expected = f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
    assert (refused["Error"]["Code"], refused["Error"]["Message"]) == ("ValidationError", expected)
    road.delete(endpoint)


def test_models_without_a_cache_come_anew_each_time(server: Any, road: Road) -> None:
    put(road, "fresh", "a")
    endpoint = created(road, "fresh", MultiModelConfig={"ModelCacheSetting": "Disabled"})
    assert asked(road, endpoint, "a.tar.gz")["name"] == "a"
    put(road, "fresh", "a", told="another")
    assert asked(road, endpoint, "a.tar.gz")["name"] == "another"
    road.delete(endpoint)


def test_the_models_that_were_not_asked_for_the_longest_time_go_when_memory_is_short() -> None:
    with potager.local(endpoint_memory="256MB") as server:
        _go_when_memory_is_short(server, Road(server))


def _go_when_memory_is_short(server: Any, road: Road) -> None:
    names = [f"m{number}" for number in range(6)]
    for name in names:
        put(road, "large", name, megabytes=40)
    endpoint = created(road, "large")
    for name in names:
        assert asked(road, endpoint, f"{name}.tar.gz")["name"] == name
        assert asked(road, endpoint, "m0.tar.gz")["name"] == "m0"
    assert times(server, endpoint, "loaded m0") == 1, "it is asked for all the time"
    assert asked(road, endpoint, "m1.tar.gz")["name"] == "m1"
    assert times(server, endpoint, "loaded m1") == 2, "it had to go"
    road.delete(endpoint)


def test_built_in_models_are_served_by_name(road: Road) -> None:
    job = road.train_once()
    source = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{road.bucket}/")
    for name in ("one", "two"):
        road.s3.copy_object(
            Bucket=road.bucket, Key=f"linear/{name}/model.tar.gz", CopySource={"Bucket": road.bucket, "Key": source}
        )
    endpoint = created(road, "linear", LINEAR)
    for name in ("one", "two"):
        scored = asked(road, endpoint, f"{name}/model.tar.gz", "3,-3,0,0", "text/csv")
        assert scored["predictions"][0]["predicted_label"] == 1
    road.delete(endpoint)


def test_pickled_models_of_one_script_are_served_by_name(road: Road) -> None:
    script = "import joblib\n\ndef model_fn(folder):\n    return joblib.load(folder + '/model.joblib')\n"
    road.put("source/sourcedir.tar.gz", archive({"serving.py": script}))
    named = {
        "SAGEMAKER_PROGRAM": "serving.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{road.bucket}/source/sourcedir.tar.gz",
    }
    for name in ("a", "b"):
        road.put(f"pickles/{name}.tar.gz", archive({"model.joblib": pickled()}))
    endpoint = created(road, "pickles", IMAGE, Environment=named)
    for name in ("a", "b"):
        assert asked(road, endpoint, f"{name}.tar.gz", "1,2", "text/csv") == pytest.approx([3])
    road.delete(endpoint)


SERVER = """#!/usr/bin/env python
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODELS = {}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"models": [{"modelName": name} for name in MODELS]})

    def do_DELETE(self):
        name = self.path.split("/")[2]
        print("unloaded", MODELS.pop(name), flush=True)
        self.answer(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/models":
            asked = json.loads(body)
            if len(MODELS) == 2:
                return self.answer(507, "no room")
            MODELS[asked["model_name"]] = open(asked["url"] + "/weights").read()
            return self.answer(200, {})
        _, _, name, invoke = self.path.split("/")
        assert invoke == "invoke"
        self.answer(200, [MODELS[name], body, self.headers["X-Amzn-SageMaker-Target-Model"]])

    def answer(self, status, told):
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def test_a_server_of_ones_own_is_told_to_load_and_unload_by_awss_contract(server: Any, road: Road) -> None:
    road.put("source/server.tar.gz", archive({"serve": SERVER}))
    for name in ("x", "y", "z"):
        road.put(f"own/{name}.tar.gz", archive({"weights": f"weights of {name}"}))
    named = {"SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{road.bucket}/source/server.tar.gz"}
    endpoint = created(road, "own", Environment=named)
    for name in ("x", "y", "z", "x"):
        target = f"{name}.tar.gz"
        assert asked(road, endpoint, target, "body") == [f"weights of {name}", "body", target]
    assert times(server, endpoint, "unloaded weights of x") == 1
    assert times(server, endpoint, "unloaded weights of y") == 1
    road.delete(endpoint)


def test_a_multi_model_container_may_stand_in_a_pipeline(road: Road) -> None:
    put(road, "second", "a")
    put(road, "second", "b")
    script = "def model_fn(folder): ...\n\ndef transform_fn(model, body, *types):\n    return body.upper(), types[0]\n"
    road.put("first/model.tar.gz", archive({"code/inference.py": script}))
    model = f"{road.prefix}-row"
    containers = [
        {"Image": PYTHON, "ModelDataUrl": f"s3://{road.bucket}/first/model.tar.gz"},
        {"Image": PYTHON, "Mode": "MultiModel", "ModelDataUrl": f"s3://{road.bucket}/second"},
    ]
    road.sagemaker.create_model(ModelName=model, Containers=containers, ExecutionRoleArn=ROLE)
    road.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=road.config("row", model))
    road.wait_in_service(model)
    assert [asked(road, model, f"{name}.tar.gz")["name"] for name in ("a", "b")] == ["a", "b"]
    road.delete(model)


WAITS = """
import os, socket

def model_fn(folder):
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as line:
        line.sendall(b"loading")
        line.recv(1)

def transform_fn(model, body, kind, accept):
    return "late", kind
"""


def test_a_request_does_not_wait_while_another_model_loads(road: Road) -> None:
    road.put("wait/slow.tar.gz", archive({"code/inference.py": WAITS}))
    road.put("wait/quick.tar.gz", archive({"model.joblib": pickled()}))
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(60)
        endpoint = created(road, "wait", IMAGE, Environment={"PORT": str(listener.getsockname()[1])})
        assert asked(road, endpoint, "quick.tar.gz", "1,2", "text/csv") == pytest.approx([3])
        slow = pool.submit(road.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"x", TargetModel="slow.tar.gz")
        line, _ = listener.accept()
        with line:
            assert line.recv(7) == b"loading"
            assert asked(road, endpoint, "quick.tar.gz", "1,2", "text/csv") == pytest.approx([3])
            assert not slow.done()
            line.sendall(b"!")
        assert slow.result()["Body"].read() == b"late"
    road.delete(endpoint)


def test_a_server_that_was_killed_finds_the_models_that_its_workers_hold(fresh_server: Any) -> None:
    road = Road(fresh_server)
    put(road, "kept", "a")
    endpoint = created(road, "kept")
    assert asked(road, endpoint, "a.tar.gz")["name"] == "a"
    fresh_server.kill()
    fresh_server.start()
    road.wait_in_service(endpoint)

    def back() -> Any:
        try:
            return asked(road, endpoint, "a.tar.gz")
        except ClientError:
            return None

    assert until(back, "the endpoint")["name"] == "a"
    assert times(fresh_server, endpoint, "loaded a") == 1
