"""Endpoints of every kind by forms, asked in every way, without a browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.clients.road import Road, until
from tests.clients.test_response_stream import WORDS
from tests.clients.test_sklearn_endpoint import PYTHON, create, serve
from tests.studio.conftest import ROOT, Visitor


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    """A bucket, and a job that completed."""
    made = Road(server)
    made.train_once()
    return made


def form(road: Road, name: str, **more: Any) -> dict[str, Any]:
    """The fields of an endpoint of the road's job."""
    job = road.train_once()["TrainingJobName"]
    names = {"endpoint": f"{road.prefix}-{name}", "config": f"{road.prefix}-{name}", "model_1": f"{road.prefix}-{name}"}
    return {"source_1": f"job:{job}", "variant_1": "one", "weight_1": "1", "kind": "instances", **names, **more}


def test_a_prediction_says_its_time_and_runs_as_curl(visitor: Visitor, road: Road, server: Any) -> None:
    endpoint = road.deploy(road.train_once(), "asked")
    asked = {"content_type": "text/csv", "body": "1,2,3,4\r\n0,0,0,0", "accept": "text/csv"}
    answer = html.unescape(visitor.post(f"/endpoints/{endpoint}/try", asked).text)
    assert re.search(r"[\d.]+ ms, answered by <strong>AllTraffic", answer)
    curl = re.search(r"<pre[^>]*>(curl .*?)</pre>", answer, re.DOTALL)
    assert curl
    if shutil.which("curl"):
        env = {**server.env, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["/bin/sh", "-c", curl[1]], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip()
        assert done.stdout.strip().splitlines()[0] in answer
    refused = visitor.post(f"/endpoints/{endpoint}/try", {**asked, "body": "1,2"})
    assert (refused.status, "ModelError" in refused.text) == (200, True)
    assert "ValidationError" in visitor.post(f"/endpoints/{endpoint}/try", {**asked, "variant": "none"}).text
    assert "feature 4" in visitor.get(f"/endpoints/{endpoint}").text
    road.put("recipe/recipe.json", '{"features": ["age", "sum", "south", "north"]}')
    shown = visitor.get(f"/endpoints/{endpoint}").text
    assert ("north" in shown, "feature 4" in shown, "Ask about this row" in shown) == (True, False, False)
    asked_with_the_raw_columns(visitor, road, endpoint)
    for what in ("requests", "latency", "load"):
        data = visitor.get(f"/endpoints/{endpoint}/charts/{what}.json?hours=3").json
        assert data["kind"] == "lines"
    data = visitor.get(f"/endpoints/{endpoint}/charts/requests.json").json
    assert data["series"][0]["name"] == "requests"
    assert sum(y for _, y in data["series"][0]["points"]) >= 2
    assert visitor.get(f"/endpoints/{endpoint}/charts/nonsense.json").status == 404
    road.put("rows/head.csv", 'label,a,"b,c"\n1,2,"x,y"\n0,3,z\n')
    uri = f"s3%3A%2F%2F{road.bucket}%2Frows%2Fhead.csv"
    taken = visitor.get(f"/endpoints/{endpoint}/rows?uri={uri}&number=2&header=on&label=on").text
    assert html.unescape(taken).partition(">")[2].startswith('2,"x,y"\n3,z<')
    assert visitor.get(f"/endpoints/{endpoint}/rows?uri=nonsense").status == 400
    road.delete(endpoint)


RECIPE = {
    "target": "fraud",
    "classes": ["no", "yes"],
    "features": ["age", "age is missing", "side is south", "side is north"],
    "columns": [
        {"name": "age", "kind": "number", "features": ["", ""], "mean": 40.0, "deviation": 1.0},
        {"name": "side", "kind": "categories", "features": ["", ""], "categories": ["south", "north"]},
    ],
    "plan": {},
}


def asked_with_the_raw_columns(visitor: Visitor, road: Road, endpoint: str) -> None:
    """A model of four features, two of which are one column, and two say what the other one is."""
    road.put("recipe/recipe.json", json.dumps(RECIPE))
    shown = visitor.get(f"/endpoints/{endpoint}").text
    assert 'name="column.0" value="40"' in shown
    assert "<option>north</option>" in shown
    told = html.unescape(visitor.post(f"/endpoints/{endpoint}/raw", {"column.0": "31", "column.1": "north"}).text)
    assert "The model read <code>31,0,0,1</code>" in told
    assert "how likely fraud is <strong>yes</strong>" in told
    refused = html.unescape(visitor.post(f"/endpoints/{endpoint}/raw", {"column.0": "old"}).text)
    assert "age is 'old', but must be a number" in refused
    assert "The endpoint was not asked" in refused
    road.put("recipe/recipe.json", '{"features": ["a"], "columns": 7}')
    assert visitor.post(f"/endpoints/{endpoint}/raw", {}).status == 400


def test_an_answer_is_streamed_as_the_model_makes_it(visitor: Visitor, road: Road) -> None:
    endpoint = serve(road, "words", {"code/inference.py": WORDS}, image=PYTHON)
    asked = {"content_type": "text/plain", "accept": "text/plain"}
    answer = visitor.post(f"/endpoints/{endpoint}/stream", {**asked, "body": "3"})
    assert (answer.status, answer.text) == (200, "word0 word1 word2 ")
    broken = visitor.post(f"/endpoints/{endpoint}/stream", {**asked, "body": "2"})
    assert "ModelStreamError" in broken.text
    early = visitor.post(f"/endpoints/{endpoint}/stream", {**asked, "body": "early"})
    assert (early.status, early.text.startswith("ModelError")) == (424, True)
    road.delete(endpoint)


def test_an_asynchronous_endpoint_is_made_asked_and_its_answer_fetched(visitor: Visitor, road: Road) -> None:
    fields = form(road, "later", kind="asynchronous", async_uri=f"s3://{road.bucket}/later/", capture="on")
    fields |= {"capture_uri": f"s3://{road.bucket}/captured", "capture_percent": "50"}
    made = visitor.post("/new/endpoint", fields)
    assert made.headers["location"] == f"{ROOT}/endpoints/{fields['endpoint']}"
    endpoint = fields["endpoint"]
    road.wait_in_service(endpoint)
    config = road.sagemaker.describe_endpoint_config(EndpointConfigName=fields["config"])
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 50
    shown = visitor.get(f"/endpoints/{endpoint}").text
    assert 'name="waiting"' in shown
    assert f"/data/{road.bucket}?prefix=captured" in shown
    asked = {"content_type": "text/csv", "body": "1,2,3,4", "waiting": "on"}
    told = html.unescape(visitor.post(f"/endpoints/{endpoint}/try", asked).text)
    where = re.search(r'hx-get="([^"]+/result[^"]+)"', told)
    assert where
    path = where[1].removeprefix(ROOT)
    until(lambda: "predicted_label" in visitor.get(path).text, "the answer")
    road.delete(endpoint)


def test_a_serverless_endpoint_is_made_by_the_form(visitor: Visitor, road: Road) -> None:
    fields = form(road, "less", kind="serverless", memory="3072", concurrency="2")
    assert visitor.post("/new/endpoint", fields).status == 303
    road.wait_in_service(fields["endpoint"])
    variant = road.sagemaker.describe_endpoint(EndpointName=fields["endpoint"])["ProductionVariants"][0]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 2}
    assert "serverless, 3072 MB" in visitor.get(f"/endpoints/{fields['endpoint']}").text
    assert "predicted_label" in html.unescape(
        visitor.post(f"/endpoints/{fields['endpoint']}/try", {"content_type": "text/csv", "body": "1,2,3,4"}).text
    )
    road.delete(fields["endpoint"])


def test_what_was_made_before_a_failure_is_said_used_again_and_removed(visitor: Visitor, road: Road) -> None:
    taken = road.deploy(road.train_once(), "taken")
    fields = form(road, "half", endpoint=taken)
    answer = visitor.post("/new/endpoint", fields)
    assert "Cannot create already existing endpoint" in html.unescape(answer.text)
    marks = re.findall(r'name="made" value="([^"]+)"', answer.text)
    assert sorted(mark.partition(":")[0] for mark in marks) == ["endpoint-configs", "models"]
    again = {**fields, "endpoint": f"{road.prefix}-half", "made": marks}
    assert visitor.post("/new/endpoint", again).status == 303
    road.wait_in_service(again["endpoint"])
    gone = {"config": "on", "models": "on"}
    assert visitor.post(f"/endpoints/{again['endpoint']}/delete", gone).status == 303
    assert not road.sagemaker.list_models(NameContains=fields["model_1"])["Models"]
    assert not road.sagemaker.list_endpoint_configs(NameContains=fields["config"])["EndpointConfigs"]
    road.delete(taken)


def test_an_endpoint_that_fails_says_why_and_shows_its_log(visitor: Visitor, road: Road) -> None:
    endpoint = create(road, "broken", {"code/inference.py": "raise RuntimeError('not today')\n"}, image=PYTHON)
    found = until(lambda: _failed(road, endpoint), "the failure")
    shown = html.unescape(visitor.get(f"/endpoints/{endpoint}").text)
    assert found in shown
    stream = re.search(r'<po-log[^>]* stream="([^"]+)"', shown)
    assert stream
    log = visitor.get(f"/endpoints/{endpoint}/log.json?stream={stream[1]}").json
    assert any("not today" in text for _, text in log["events"])
    assert "not today" in visitor.get(f"/endpoints/{endpoint}/log.txt?stream={stream[1]}").text
    assert visitor.get(f"/endpoints/{endpoint}/log-search.json?stream={stream[1]}&q=not+today").json["events"]
    assert visitor.post(f"/endpoints/{endpoint}/delete").status == 303


def _failed(road: Road, endpoint: str) -> str:
    """Why an endpoint has failed; "" while it has not."""
    found = road.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert found["EndpointStatus"] in ("Creating", "Failed")
    return found.get("FailureReason", "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weight_1": "many"}, "no number"),
        ({"count": "-1"}, "not negative"),
        ({"source_1": ""}, "Choose the training job"),
        ({"environment_1": "A B"}, "NAME=value"),
        ({"kind": "asynchronous", "async_uri": "here"}, "s3://bucket/prefix"),
        ({"source_1": "job:none-of-that-name"}, "none-of-that-name"),
    ],
)
def test_what_is_wrong_with_the_form_is_said_beside_it(
    visitor: Visitor, road: Road, wrong: dict[str, str], said: str
) -> None:
    fields = form(road, "wrong", **wrong)
    answer = visitor.post("/new/endpoint", fields)
    assert answer.status != 303
    assert said in html.unescape(answer.text)
    assert not road.sagemaker.list_endpoints(NameContains=fields["endpoint"])["Endpoints"]
