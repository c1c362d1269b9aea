from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from potager.compute.catalog import Image, find
from potager.deploy.layout import Unfit, lay_out, networked, own_server, source, tidy


def image(repository: str) -> Image:
    found = find(f"000000000000.dkr.ecr.eu-west-3.amazonaws.com/{repository}:any-tag")
    assert found is not None
    return found


@pytest.mark.parametrize("repository", ["sagemaker-scikit-learn", "sagemaker-base-python", "python"])
def test_the_users_code_may_use_the_network_unless_isolation_is_asked_for(repository: str) -> None:
    assert networked(image(repository), {"isolated": False})
    assert networked(image(repository), {})
    assert not networked(image(repository), {"isolated": True})


def test_an_algorithm_of_ours_never_uses_the_network() -> None:
    assert not networked(image("linear-learner"), {"isolated": False})


@pytest.mark.parametrize(
    ("directory", "found"),
    [
        ("s3://bucket/a/sourcedir.tar.gz", True),
        ("https://bucket.s3.us-east-1.amazonaws.com/a/sourcedir.tar.gz", True),
        ("/opt/ml/model/code", False),
        ("file:///home/me/code", False),
        ("", False),
    ],
)
def test_a_script_is_fetched_from_s3_only(directory: str, found: bool) -> None:
    assert source({"SAGEMAKER_SUBMIT_DIRECTORY": directory}) == (directory if found else None)


async def test_data_that_take_longer_than_they_may_are_not_served(tmp_path: Path) -> None:
    nothing: Any = None
    model = {"image": "000000000000.dkr.ecr.eu-west-3.amazonaws.com/python:3.11", "data": None, "environment": {}}
    with pytest.raises(Unfit, match="ModelDataDownloadTimeoutInSeconds of 0 seconds"):
        await lay_out(nothing, model, tmp_path / "ml", within=0.0)
    assert (await lay_out(nothing, model, tmp_path / "ml", within=60.0)).network


def test_a_model_without_the_variable_has_its_script_in_the_artifact() -> None:
    assert source({}) is None


@pytest.mark.parametrize(
    ("files", "named", "found"),
    [
        (["model/serve"], "", "model/serve"),
        (["model/code/serve", "model/serve"], "", "model/code/serve"),
        (["code/serve", "model/code/serve"], "", "code/serve"),
        (["model/bin/server"], "bin/server", "model/bin/server"),
        (["model/serve", "model/code/inference.py"], "inference.py", None),
        (["model/serve"], "inference", None),
        (["model/serve/readme"], "", None),
        (["outside"], "../outside", None),
        (["model/model.joblib"], "", None),
    ],
)
def test_a_server_of_ones_own_is_called_serve_or_named(
    tmp_path: Path, files: list[str], named: str, found: str | None
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert own_server(tmp_path, {"SAGEMAKER_PROGRAM": named} if named else {}) == found


def test_a_link_out_of_the_artifact_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "serve").symlink_to("/bin/sh")
    assert own_server(tmp_path, {}) is None


def test_an_empty_folder_of_libraries_is_taken_away_and_a_full_one_stays(tmp_path: Path) -> None:
    tidy(tmp_path)
    (tmp_path / "shared_libs").mkdir()
    tidy(tmp_path)
    assert not (tmp_path / "shared_libs").exists()
    (tmp_path / "shared_libs").mkdir()
    (tmp_path / "shared_libs" / "libmine.so").touch()
    tidy(tmp_path)
    assert (tmp_path / "shared_libs" / "libmine.so").exists()
