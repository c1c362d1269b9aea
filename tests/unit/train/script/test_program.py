from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import Invalid, Unserved
from potager.train.script import program


def job(hyperparameters: dict[str, str] | None = None, **algorithm: Any) -> dict[str, Any]:
    specification = {"TrainingImage": "python:3", **algorithm}
    return {"AlgorithmSpecification": specification, "HyperParameters": hyperparameters or {}, "ResourceConfig": {}}


def test_a_python_script_is_started_with_its_arguments() -> None:
    found = program.of(job({"sagemaker_program": '"src/train.py"', "epochs": "3"}))
    assert (found.argv, found.script) == (("python", "src/train.py", "--epochs", "3"), "src/train.py")


def test_any_other_script_is_started_by_the_shell_and_its_arguments_are_quoted() -> None:
    found = program.of(job({"sagemaker_program": "train.sh", "name": '"$HOME; it\'s"'}))
    assert found.argv == ("/bin/sh", "-c", "./train.sh --name '$HOME; it'\"'\"'s'")


def test_an_entrypoint_is_taken_as_it_is() -> None:
    doc = job({"sagemaker_program": "train.py"}, ContainerEntrypoint=["sh", "-c"], ContainerArguments=["echo  $1", ""])
    assert program.of(doc) == program.Program(("sh", "-c", "echo  $1", ""))


def test_the_environment_may_name_the_script_too() -> None:
    doc = job() | {"Environment": {"SAGEMAKER_PROGRAM": "a.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/s.tar.gz"}}
    found = program.of(doc)
    assert (found.script, found.source) == ("a.py", "s3://b/s.tar.gz")


@pytest.mark.parametrize("name", ["../train.py", "/train.py", "-c", "a b.py", "a;b.sh", "a/./b.py", "x/../../y.py"])
def test_a_name_that_is_no_path_inside_the_source_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="inside the source"):
        program.of(job({"sagemaker_program": name}))


def test_a_job_that_names_no_program_is_told_how() -> None:
    with pytest.raises(Invalid, match="sagemaker_program and sagemaker_submit_directory, or ContainerEntrypoint"):
        program.check(job())


def test_arguments_without_a_command_are_not_served() -> None:
    with pytest.raises(Unserved, match="Give the whole command"):
        program.check(job(ContainerArguments=["--x"]))


@pytest.mark.parametrize("text", ['"a\\u0000b"', '"\\ud800"'])
def test_a_text_that_no_program_can_be_given_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="NUL"):
        program.check(job({"sagemaker_program": "train.py", "x": text}))


@pytest.mark.parametrize(
    ("image", "given", "environment", "wanted"),
    [
        ("python:3", {}, {}, True),
        ("linear-learner:1", {}, {}, False),
        ("linear-learner:1", {"sagemaker_program": "a.py"}, {}, False),
        ("unknown:1", {"sagemaker_program": "a.py"}, {}, False),
        ("sagemaker-xgboost:1.7-1", {}, {}, False),
        ("xgboost:3.0-5", {"num_round": "3"}, {"HOME": "/root"}, False),
        ("sagemaker-xgboost:1.7-1", {"sagemaker_program": "a.py"}, {}, True),
        ("sagemaker-xgboost:1.7-1", {"sagemaker_submit_directory": "s3://b/s"}, {}, True),
        ("sagemaker-xgboost:1.7-1", {}, {"SAGEMAKER_PROGRAM": "a.py"}, True),
    ],
)
def test_a_job_runs_its_images_own_algorithm_unless_it_names_a_program(
    image: str, given: dict[str, str], environment: dict[str, str], wanted: bool
) -> None:
    assert program.wanted(job(given, TrainingImage=image) | {"Environment": environment}) is wanted


def test_a_command_is_a_program_on_an_image_with_an_algorithm_too() -> None:
    assert program.wanted(job(TrainingImage="xgboost:1", ContainerEntrypoint=["sh"]))
    assert program.wanted(job(TrainingImage="xgboost:1", ContainerArguments=["a"]))
