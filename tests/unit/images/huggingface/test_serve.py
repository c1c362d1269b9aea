"""A pipeline over a tiny model that is made here, as AWS's toolkit serves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potager.images.huggingface import tasks
from potager.images.huggingface.serve import load
from potager.images.python.errors import BrokenModel, Refused
from tests.unit.images.huggingface.tiny import save


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save(folder)
    return folder


def test_the_architecture_tells_the_task_and_the_pipeline_answers(saved: Path) -> None:
    predictor = load(saved)
    body, kind = predictor.predict(json.dumps({"inputs": ["good day", "bad day"]}).encode(), "application/json", "")
    found = json.loads(body)
    assert kind == "application/json"
    assert [set(one) for one in found] == [{"label", "score"}] * 2
    assert {one["label"] for one in found} <= {"LABEL_0", "LABEL_1"}
    assert all(0.5 <= one["score"] <= 1 for one in found)


def test_parameters_are_the_pipelines_arguments(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TASK", "text-classification")
    asked = {"inputs": "good day", "parameters": {"top_k": 2}}
    found = json.loads(load(saved).predict(json.dumps(asked).encode(), "", "")[0])
    assert sorted(one["label"] for one in found) == ["LABEL_0", "LABEL_1"]
    assert sum(one["score"] for one in found) == pytest.approx(1)


def test_csv_with_a_header_goes_in_and_comes_out(saved: Path) -> None:
    body, kind = load(saved).predict(b"inputs\ngood day\nbad day\n", "text/csv", "text/csv")
    lines = body.decode().splitlines()
    assert (kind, lines[0], len(lines)) == ("text/csv", "label,score", 3)


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"{", "application/json", 400, "cannot be read as application/json"),
        (b"1,2", "text/csv", 400, "needs a header"),
        (b'{"inputs": 5}', "application/json", 400, "Error: "),
        (b"a", "text/html", 415, "not supported"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    saved: Path, body: bytes, kind: str, status: int, said: str
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        load(saved).predict(body, kind, "")
    assert refused.value.status == status


def test_a_script_gets_the_decoded_inputs(write: Callable[..., Path]) -> None:
    model = write("""
def model_fn(model_dir):
    return str.upper

def predict_fn(data, model):
    return [model(one) for one in data["inputs"]]
""")
    assert json.loads(load(model).predict(b'{"inputs": ["a", "b"]}', "", "")[0]) == ["A", "B"]


@pytest.mark.parametrize(
    ("config", "environment", "said"),
    [
        (None, {}, r"no config\.json at its top"),
        ({"architectures": ["Strange"]}, {}, "'Strange' tells no task. Set the variable HF_TASK"),
        ({"architectures": ["BertModel"], "model_type": "bert"}, {"HF_TASK": "no-such-task"}, "No pipeline 'no-such"),
    ],
)
def test_a_model_that_cannot_be_served_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Any, environment: dict[str, str], said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BrokenModel, match=said):
        load(tmp_path)


def test_the_task_of_an_architecture(tmp_path: Path) -> None:
    for architecture, task in (
        ("TapasForQuestionAnswering", "table-question-answering"),
        ("BertForQuestionAnswering", "question-answering"),
        ("GPT2LMHeadModel", "text-generation"),
        ("LlamaForCausalLM", "text-generation"),
    ):
        (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
        assert tasks.of(tmp_path) == task
