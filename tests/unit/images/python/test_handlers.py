"""The user's functions, called as AWS's toolkit calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potager.images.python.errors import BrokenModel, BrokenScript, Refused, ScriptFailed
from potager.images.python.serve import load
from potager.kernel.prediction import Query

Serve = Callable[[str], Any]

DOUBLING = """
class Model:
    def predict(self, rows):
        return rows * 2

def model_fn(model_dir):
    return Model()
"""


def test_the_defaults_read_a_request_and_write_a_prediction(serve: Serve) -> None:
    predictor = serve(DOUBLING)
    assert predictor.predict(b"1,2\n3,4", "text/csv", "text/csv") == (b"2.0,4.0\n6.0,8.0\n", "text/csv")


def test_without_content_type_and_accept_both_are_json(serve: Serve) -> None:
    assert serve(DOUBLING).predict(b"[[1, 2]]", "", "*/*") == (b"[[2.0, 4.0]]", "application/json")


def test_the_default_accept_is_the_variables(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
    assert serve(DOUBLING).predict(b"[[1, 2]]", "", "")[1] == "text/csv"


def test_each_function_of_the_script_takes_the_place_of_a_default(serve: Serve) -> None:
    predictor = serve("""
import os

def model_fn(model_dir):
    return os.path.basename(model_dir)

def input_fn(body, content_type):
    return [type(body).__name__, body, content_type]

def predict_fn(data, model):
    return data + [model]

def output_fn(prediction, accept):
    return "|".join(prediction), "text/x-" + accept.split("/")[1]
""")
    assert predictor.predict(b"a", "text/csv", "a/b") == (b"str|a|text/csv|model", "text/x-b")


def test_a_body_that_is_no_text_reaches_the_script_as_bytes(serve: Serve) -> None:
    predictor = serve(DOUBLING + "\ndef transform_fn(model, body, content_type, accept):\n    return body\n")
    assert predictor.predict(b"\xff", "image/png", "image/png") == (b"\xff", "image/png")


def test_transform_fn_does_it_all(serve: Serve) -> None:
    predictor = serve("""
def model_fn(model_dir):
    return "m"

def transform_fn(model, body, content_type, accept):
    return {"model": model, "body": body, "types": [content_type, accept]}
""")
    answer, kind = predictor.predict(b"x", "application/json", "text/csv")
    assert json.loads(answer) == {"model": "m", "body": "x", "types": ["application/json", "text/csv"]}
    assert kind == "application/json"


def test_transform_fn_and_the_others_exclude_each_other(serve: Serve) -> None:
    with pytest.raises(BrokenScript, match="has transform_fn and predict_fn"):
        serve(DOUBLING + "\ndef transform_fn(a, b, c, d): ...\ndef predict_fn(data, model): ...\n")


def test_a_function_that_asks_for_a_context_gets_one(serve: Serve) -> None:
    predictor = serve("""
def model_fn(model_dir, context):
    return context.system_properties["model_dir"] == model_dir

def input_fn(body, content_type, threshold=0.5):
    return threshold

def predict_fn(data, model, context=None):
    return [data, model, context is not None]
""")
    assert json.loads(predictor.predict(b"", "text/csv", "")[0]) == [0.5, True, True]


HEARS = """
def model_fn(model_dir):
    return "m"

def predict_fn(data, model, context):
    heard = context.get_request_header(0, "x-amzn-sagemaker-custom-attributes")
    if heard == "fail":
        context.set_response_status(422, "no such customer")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", f"model={model};{heard}")
    context.set_response_content_type(0, "application/x-mine")
    every = context.request_processor[0].get_request_properties()
    return [context.get_request_id(), context.model_name, sorted(context.get_all_request_header(0)), sorted(every)]
"""


def test_the_context_tells_what_was_asked_and_takes_what_is_answered_beside_the_body(serve: Serve) -> None:
    predictor = serve(HEARS)
    query = Query(b"[1]", "application/json", attributes="tenant=7", inference_id="case-1")
    answer = predictor.answer(query)
    names = ["Content-Type", "X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Inference-Id"]
    assert json.loads(answer.body) == ["case-1", "model", names, names]
    assert (answer.attributes, answer.content_type) == ("model=m;tenant=7", "application/x-mine")
    assert predictor.answer(Query(b"[1]", "application/json")).attributes == "model=m;None"
    with pytest.raises(Refused) as refused:
        predictor.answer(Query(b"[1]", "application/json", attributes="fail"))
    assert refused.value.status == 422
    with pytest.raises(ScriptFailed, match="1024 of ASCII"):
        predictor.answer(Query(b"[1]", "application/json", attributes="a" * 1024))


def test_a_script_that_asks_for_no_context_is_asked_for_the_body_alone(serve: Serve) -> None:
    assert serve(DOUBLING).answer is None


def test_a_function_with_the_wrong_arguments_is_found_when_the_model_loads(serve: Serve) -> None:
    with pytest.raises(BrokenScript, match=r"predict_fn\(data\) of the script is called with 2 arguments"):
        serve(DOUBLING + "\ndef predict_fn(data): ...\n")
    with pytest.raises(BrokenScript, match="input_fn of the script is no function"):
        serve(DOUBLING + "\ninput_fn = 3\n")


def test_the_plain_image_needs_a_model_fn(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"Write model_fn\(model_dir\)"):
        serve("x = 1")
    (tmp_path / "empty" / "model").mkdir(parents=True)
    with pytest.raises(BrokenModel, match=r"Write model_fn\(model_dir\)"):
        load(tmp_path / "empty" / "model")


def test_an_exception_of_the_script_is_a_failure_with_its_file_and_line_in_the_log(serve: Serve, capfd: Any) -> None:
    predictor = serve(DOUBLING + "\ndef predict_fn(data, model):\n    raise ValueError('no such column')\n")
    with pytest.raises(ScriptFailed, match=r"^ValueError: no such column$") as failed:
        predictor.predict(b"1", "text/csv", "")
    assert failed.value.status == 500
    log = capfd.readouterr().err
    assert 'inference.py", line 10, in predict_fn' in log
    assert log.rstrip().endswith("ValueError: no such column")
    assert "handlers.py" not in log


def test_an_exception_of_the_script_may_say_its_status_as_the_toolkits_do(serve: Serve) -> None:
    predictor = serve(
        DOUBLING + "\ndef input_fn(b, c):\n    e = Exception('late')\n    e.status_code = 422\n    raise e\n"
    )
    with pytest.raises(ScriptFailed) as failed:
        predictor.predict(b"1", "text/csv", "")
    assert failed.value.status == 422


def test_a_failure_of_the_models_own_predict_is_in_the_log(serve: Serve, capfd: Any) -> None:
    predictor = serve(
        "class M:\n    def predict(self, x):\n        return x.nothing\ndef model_fn(d):\n    return M()\n"
    )
    with pytest.raises(ScriptFailed, match="AttributeError"):
        predictor.predict(b"1", "text/csv", "")
    assert 'inference.py", line 3, in predict' in capfd.readouterr().err


def test_a_model_without_predict_asks_for_a_predict_fn(serve: Serve) -> None:
    with pytest.raises(ScriptFailed, match=r"type int has no predict\. Write a predict_fn"):
        serve("def model_fn(d):\n    return 3\n").predict(b"1", "text/csv", "")


@pytest.mark.parametrize("returned", ["None", "3", "(b'a', 'b/c', 3)"])
def test_what_is_no_answer_is_a_failure_of_the_script(serve: Serve, returned: str) -> None:
    predictor = serve(DOUBLING + f"\ndef output_fn(prediction, accept):\n    return {returned}\n")
    with pytest.raises(ScriptFailed, match="output_fn or transform_fn returned"):
        predictor.predict(b"1", "text/csv", "")


def test_a_script_written_for_sagemaker_containers_runs(serve: Serve) -> None:
    predictor = serve(
        DOUBLING
        + """
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker

def input_fn(body, content_type):
    assert content_type in content_types.UTF8_TYPES
    return encoders.decode(body, content_type)

def output_fn(prediction, accept):
    return worker.Response(encoders.encode(prediction, accept), accept, mimetype=accept)
"""
    )
    assert predictor.predict(b"[[1]]", "application/json", "text/csv") == (b"2.0\n", "text/csv")


def test_a_script_written_for_sagemaker_inference_runs_and_its_errors_keep_their_status(serve: Serve) -> None:
    predictor = serve(
        DOUBLING
        + """
from sagemaker_inference import content_types, decoder, encoder, errors

def input_fn(body, content_type):
    if content_type == content_types.JSON:
        raise errors.UnsupportedFormatError(content_type)
    return decoder.decode(body, content_type)
"""
    )
    with pytest.raises(Refused, match="'application/json' is not supported") as refused:
        predictor.predict(b"[1]", "application/json", "")
    assert refused.value.status == 415


def test_a_response_with_an_error_status_is_that_error(serve: Serve) -> None:
    predictor = serve(
        DOUBLING
        + """
from sagemaker_containers.beta.framework import worker

def output_fn(prediction, accept):
    return worker.Response("too many rows", status=413)
"""
    )
    with pytest.raises(Refused, match="too many rows") as refused:
        predictor.predict(b"1", "text/csv", "")
    assert refused.value.status == 413
