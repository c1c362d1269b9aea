"""What SDK v2 names and sends, against what the server knows: image URIs, and its classes' hyperparameters."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from potager.compute import catalog
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Catalogue, typed
from tests.clients.test_sdks import ROOT, run

OURS = {"factorization-machines": {"use_bias", "use_linear"}}
"""Hyperparameters that AWS's page has and the SDK's class has not."""

NARROWER = {
    ("factorization-machines", "clip_gradient"): "-1.0 0.0",
    ("factorization-machines", "eps"): "-1.0 0.0",
    ("factorization-machines", "rescale_grad"): "-1.0 0.0",
    ("ipinsights", "mini_batch_size"): "1000000",
    ("randomcutforest", "feature_dim"): "1000000",
}
"""Values that a class lets through, and that the algorithm refuses, as AWS's page says or as would train nothing."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(ROOT / ".venv/sdk2/bin/python", "sdk2_table.py", tmp_path_factory.mktemp("table"))


def test_every_image_that_the_sdk_names_is_one_of_ours(said: dict[str, Any]) -> None:
    for framework, uris in said["uris"].items():
        assert uris, framework
        assert [uri for uri in uris if catalog.find(uri) is None] == [], framework
    assert {uri.split(".")[3] for uris in said["uris"].values() for uri in uris} > {"us-east-1", "cn-north-1"}
    reached = {catalog.repository(uri) for uris in said["uris"].values() for uri in uris}
    plain = {"catboost", "lightgbm", "profile", "python"}
    elsewhere = {name for name in catalog.REPOSITORIES if name.startswith(("huggingface-", "sagemaker-base-python"))}
    assert set(catalog.REPOSITORIES) - reached == plain | elsewhere


def test_what_the_sdk_s_classes_send_is_what_the_catalogues_take(said: dict[str, Any]) -> None:
    assert len(said["sent"]) == 7
    refused: dict[tuple[str, str], str] = {}
    for repository, sent in said["sent"].items():
        catalogue = importlib.import_module(f"{catalog.REPOSITORIES[repository]}.hyperparameters").CATALOGUE
        names = {parameter.name for parameter in catalogue.parameters}
        assert names - set(sent) == OURS.get(repository, set()), repository
        for name, values in sent.items():
            assert values, (repository, name)
            if bad := [value for value in values if not takes(catalogue, name, value)]:
                refused[repository, name] = " ".join(bad)
    assert refused == NARROWER


def takes(catalogue: Catalogue, name: str, value: str) -> bool:
    parameter = catalogue.get(name)
    assert parameter is not None, f"{catalogue.algorithm} does not know {name}"
    try:
        return typed(parameter, value) is not None
    except ClientError:
        return False
