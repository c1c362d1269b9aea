from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from potager.compute import catalog

PREFIX = "683313688378.dkr.ecr.us-east-1.amazonaws.com/"


@pytest.mark.parametrize("account", ["", PREFIX, "123.dkr.ecr.cn-north-1.amazonaws.com.cn/team/"])
@pytest.mark.parametrize("tag", ["", ":1.2-1-cpu-py3", "@sha256:abc"])
@pytest.mark.parametrize("name", sorted(catalog.REPOSITORIES))
def test_an_image_is_found_by_its_repository_alone(account: str, name: str, tag: str) -> None:
    found = catalog.find(account + name + tag)
    assert found is not None
    assert found.repository == name


def test_an_image_of_somebody_else_is_none_of_ours() -> None:
    assert catalog.find(PREFIX + "my-own:1") is None
    assert "sagemaker-scikit-learn" in catalog.unknown(PREFIX + "my-own:1")


def test_an_image_whose_packages_are_missing_says_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    image = catalog.find("sagemaker-scikit-learn")
    assert image is not None
    monkeypatch.setattr(catalog, "_version", lambda name: None if name == "scikit-learn" else "1")
    assert image.missing() == (
        "The image sagemaker-scikit-learn needs scikit-learn, which Potager's environment does not have. "
        f"Install it there: {sys.executable} -m pip install 'potager[sklearn]'"
    )


def test_either_of_two_packages_that_are_alike_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    image = catalog.find("sagemaker-xgboost")
    assert image is not None
    monkeypatch.setattr(catalog, "_version", lambda name: None if name == "xgboost-cpu" else "3.2")
    assert image.versions()["xgboost"] == "3.2"
    assert image.missing() == ""
    monkeypatch.setattr(catalog, "_version", lambda name: None if "xgboost" in name else "1")
    assert "needs xgboost-cpu," in image.missing()
    assert "pip install 'potager[xgboost]'" in image.missing()


def test_no_image_that_is_asked_for_its_metadata_imports_a_library() -> None:
    ask = (
        "import sys; from potager.compute import catalog; "
        "[(image.used(), image.missing(), image.metric_definitions()) for name in catalog.REPOSITORIES "
        "for image in [catalog.find(name)]]; "
        "print({'numpy', 'torch', 'xgboost', 'transformers', 'sklearn', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_plain_image_needs_nothing_and_linear_learner_runs_no_scripts() -> None:
    plain, built_in = catalog.find("python"), catalog.find("linear-learner")
    assert plain is not None
    assert built_in is not None
    assert (plain.missing(), plain.runs_scripts, built_in.runs_scripts) == ("", True, False)


EXTRAS = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("name", sorted(catalog.REPOSITORIES))
def test_the_extra_of_an_image_brings_what_it_needs(name: str) -> None:
    image = catalog.Image(name, catalog.REPOSITORIES[name])
    brought = {Requirement(each).name for each in EXTRAS.get(image.extra, ())}
    assert set(image.versions()) <= brought


def test_the_extra_of_the_algorithms_brings_what_xgboost_needs() -> None:
    xgboost = catalog.Image("xgboost", catalog.REPOSITORIES["xgboost"])
    assert set(xgboost.versions()) <= {Requirement(each).name for each in EXTRAS["algorithms"]}


def test_an_algorithm_of_our_own_is_kept_imported_for_its_trials_and_not_for_endpoints_that_need_nothing() -> None:
    boosted, learner, plain = (
        catalog.Image(name, catalog.REPOSITORIES[name]) for name in ("xgboost", "kmeans", "python")
    )
    assert {"xgboost", "potager.images.xgboost.train"} <= set(boosted.warm)
    assert (learner.warm, learner.serving) == (("potager.images.kmeans.train",), [])
    assert plain.warm == ()


def test_what_is_installed_while_it_runs_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    image = catalog.Image("mine", "mine")
    monkeypatch.setattr(catalog.Image, "_says", lambda _, name, otherwise: ("leek-soup",) if name == "REQUIRES" else "")
    for number, (found, metadata) in enumerate([(None, None), ("1.0", "1.0"), ("2.0", "2.0")]):
        for old in tmp_path.iterdir():
            shutil.rmtree(old)
        if metadata:
            folder = tmp_path / f"leek_soup-{metadata}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: leek-soup\nVersion: {metadata}\n")
        os.utime(tmp_path, (1000 + number, 1000 + number))
        assert image.versions() == {"leek-soup": found}
