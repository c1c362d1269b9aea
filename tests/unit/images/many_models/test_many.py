"""Models of one worker whose modules are called alike, and who pickle, import late and fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from potager.images.many_models.serve import CannotLoad, Many, NotLoaded
from potager.images.python.serve import load
from potager.kernel.prediction import Query

SCRIPT = """
import pickle
from parts.classes import Model

def model_fn(folder):
    return pickle.loads(pickle.dumps(Model()))

def transform_fn(model, body, kind, accept):
    from late import NAME
    return f"{model.name} {NAME} {type(model).__module__}", kind
"""


@pytest.fixture
def many(tmp_path: Path) -> Many:
    return Many(tmp_path, load)


def put(many: Many, ml: Path, name: str, script: str = SCRIPT, **more: Any) -> None:
    folder = ml / "models" / name / "model"
    (folder / "code" / "parts").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(script)
    (folder / "code" / "late.py").write_text(f"NAME = 'late {name}'\n")
    (folder / "code" / "parts" / "classes.py").write_text(f"class Model:\n    name = {name!r}\n")
    many.control({"do": "load", "name": name, "id": name, "folder": f"models/{name}/model"})


def ask(many: Many, name: str) -> str:
    return many.answer(Query(b"x", "text/plain", model=name)).body.decode()


def test_each_model_finds_its_own_modules_whenever_it_imports_them(many: Many, tmp_path: Path) -> None:
    before, paths = set(sys.modules), list(sys.path)
    put(many, tmp_path, "a")
    put(many, tmp_path, "b")
    for name in ("a", "b", "a"):
        assert ask(many, name) == f"{name} late {name} parts.classes"
    assert sys.path == paths
    assert not {"parts", "parts.classes", "late", "inference"} & (set(sys.modules) - before)
    assert many.control({"do": "list"}) == {"models": {"a": "a", "b": "b"}}


def test_a_model_that_went_is_not_there_and_an_order_about_another_load_of_it_is_passed_over(
    many: Many, tmp_path: Path
) -> None:
    put(many, tmp_path, "a")
    many.control({"do": "unload", "name": "a", "id": "an earlier one"})
    assert ask(many, "a").startswith("a ")
    many.control({"do": "unload", "name": "a", "id": "a"})
    with pytest.raises(NotLoaded, match="'a' is not loaded") as absent:
        ask(many, "a")
    assert absent.value.status == 404


@pytest.mark.parametrize("script", ["raise ValueError('no weights')", "raise SystemExit(3)", "x = 1"])
def test_a_model_that_does_not_load_says_why(many: Many, tmp_path: Path, script: str) -> None:
    with pytest.raises(CannotLoad) as failed:
        put(many, tmp_path, "a", script)
    assert failed.value.status == 500
    assert "BrokenScript" in str(failed.value) or "BrokenModel" in str(failed.value)
    put(many, tmp_path, "b")
    assert ask(many, "b").startswith("b ")


def test_an_order_that_is_not_known_is_refused(many: Many) -> None:
    with pytest.raises(ValueError, match="no order 'dance'"):
        many.control({"do": "dance"})
