"""Where the user's script is looked for, and what is said when it cannot be imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from potager.images.python.errors import BrokenScript
from potager.images.python.script import find, imported

Write = Callable[..., Path]


def test_the_script_is_code_inference_in_the_artifact(write: Write) -> None:
    source = find(write("x = 1"), {})
    assert source is not None
    assert source.script is not None
    assert source.script.parts[-3:] == ("model", "code", "inference.py")


def test_source_beside_the_model_comes_first(write: Write) -> None:
    write("x = 1")
    model = write("x = 2", "code/serve_it.py")
    environment = {"SAGEMAKER_PROGRAM": "serve_it.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"}
    source = find(model, environment)
    assert source is not None
    assert source.script == model.parent / "code" / "serve_it.py"


def test_code_in_the_artifact_is_never_taken_for_an_archive_that_is_not_there(write: Write) -> None:
    with pytest.raises(BrokenScript, match="there is no code"):
        find(write("x = 1"), {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/sourcedir.tar.gz"})


def test_a_folder_may_be_named(write: Write) -> None:
    model = write("x = 1", "model/lib/inference.py")
    source = find(model, {"SAGEMAKER_SUBMIT_DIRECTORY": f"file://{model}/lib"})
    assert source is not None
    assert source.folder == model / "lib"


@pytest.mark.parametrize("program", ["pkg/main.py", "pkg.main"])
def test_the_program_may_lie_deeper(write: Write, program: str) -> None:
    source = find(write("x = 1", "model/code/pkg/main.py"), {"SAGEMAKER_PROGRAM": program})
    assert source is not None
    assert source.script is not None


def test_a_program_that_is_not_there_is_named_with_what_is(write: Write) -> None:
    with pytest.raises(BrokenScript, match=r"SAGEMAKER_PROGRAM is 'serve\.py'.*There is: inference\.py"):
        find(write("x = 1"), {"SAGEMAKER_PROGRAM": "serve.py"})


def test_a_program_outside_of_the_source_is_not_taken(write: Write) -> None:
    write("x = 1", "outside.py")
    with pytest.raises(BrokenScript, match="which is not in"):
        find(write("x = 1"), {"SAGEMAKER_PROGRAM": "../../outside.py"})


def test_a_model_without_code_has_no_source(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert find(tmp_path / "model", {}) is None
    assert find(tmp_path / "model", {"SAGEMAKER_PROGRAM": ""}) is None


def load(model: Path) -> object:
    source = find(model, {})
    assert source is not None
    return imported(source)


def test_modules_beside_the_script_can_be_imported(write: Write) -> None:
    write("ANSWER = 42", "model/code/helper_of_mine.py")
    assert getattr(load(write("from helper_of_mine import ANSWER")), "ANSWER") == 42  # noqa: B009


def test_a_script_named_as_a_library_does_not_take_its_place(write: Write) -> None:
    model = write("x = 1", "model/code/json.py")
    source = find(model, {"SAGEMAKER_PROGRAM": "json.py"})
    assert source is not None
    module = imported(source)
    assert sys.modules["json"] is not module


def test_a_missing_module_is_named_with_the_command_that_installs_it(write: Write) -> None:
    with pytest.raises(
        BrokenScript, match=r"inference\.py, line 2.*No module named 'skimage'.*pip install scikit-image"
    ):
        load(write("import json\nfrom skimage import io\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n1 / 0\n", r"\(inference\.py, line 2\): ZeroDivisionError"),
        ("def broken(:\n", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_script_that_cannot_be_imported_says_where_it_stopped(write: Write, text: str, said: str) -> None:
    with pytest.raises(BrokenScript, match=said):
        load(write(text))
