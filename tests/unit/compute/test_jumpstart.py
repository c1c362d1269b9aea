"""JumpStart's catalogue: what it says of each model is what the model's image says."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import Any

import pytest

from potager.compute import catalog, jumpstart
from potager.compute.jumpstart import MODELS, Model

KINDS = ("ml.m5.large", "ml.m5.xlarge", "ml.p6-b200.48xlarge")


@pytest.fixture
def files() -> dict[str, bytes]:
    return jumpstart.files(KINDS)


@pytest.fixture(params=MODELS, ids=lambda model: model.id)
def model(request: pytest.FixtureRequest) -> Model:
    return request.param


def test_every_model_is_in_the_manifest_and_all_that_is_named_is_there(files: dict[str, bytes]) -> None:
    manifest: list[dict[str, Any]] = json.loads(files["models_manifest.json"])
    assert [each["model_id"] for each in manifest] == [
        "catboost-classification-model",
        "catboost-regression-model",
        "lightgbm-classification-model",
        "lightgbm-regression-model",
    ]
    named = {"models_manifest.json", "proprietary-sdk-manifest.json"}
    for each in manifest:
        spec = json.loads(files[each["spec_key"]])
        assert (spec["model_id"], spec["version"]) == (each["model_id"], each["version"])
        named |= {each["spec_key"]} | {spec[name] for name in spec if name.endswith(("artifact_key", "script_key"))}
    assert named == set(files)


def test_the_image_is_the_one_that_trains_the_model_whatever_the_instance(model: Model) -> None:
    spec = jumpstart.specification(model, KINDS)
    for variants in (spec["training_instance_type_variants"], spec["hosting_instance_type_variants"]):
        assert list(variants["variants"]) == ["m5", "p6-b200"]
        for family in variants["variants"].values():
            assert catalog.find(family["properties"]["image_uri"]) == model.image


def test_the_defaults_are_the_catalogues_and_it_takes_them(model: Model) -> None:
    catalogue = model.image.catalogue()
    assert catalogue is not None
    told = {each["name"]: each["default"] for each in jumpstart.specification(model, KINDS)["hyperparameters"]}
    assert told.pop("objective") == model.task
    own = catalogue.read({})
    own.pop("objective")
    read = catalogue.read(told)
    read.pop("objective")
    assert (list(told), read) == (list(own), own)


def test_an_objective_of_the_other_task_is_no_option(model: Model) -> None:
    (objective,) = [
        each for each in jumpstart.specification(model, KINDS)["hyperparameters"] if each["name"] == "objective"
    ]
    assert (("binary" in objective["options"]), ("regression" in objective["options"])) == (
        model.task == "classification",
        model.task == "regression",
    )
    assert "auto" not in objective["options"]


def test_bounds_are_told_in_jumpstarts_words() -> None:
    spec = jumpstart.specification(Model("lightgbm", "regression"), KINDS)
    told = {each["name"]: each for each in spec["hyperparameters"]}
    described = {"name": "learning_rate", "default": "0.1", "scope": "algorithm", "type": "float"}
    assert told["learning_rate"] == {**described, "exclusive_min": 0, "max": 1}
    assert (told["num_leaves"]["type"], told["num_leaves"]["min"], told["num_leaves"]["max"]) == ("int", 2, 131072)
    assert told["boosting"]["options"] == ["gbdt", "rf", "dart", "goss"]
    assert told["is_unbalance"]["type"] == "bool"
    assert not {"min", "max"} & told["early_stopping_rounds"].keys()


def test_a_number_that_may_be_a_word_is_a_text_without_options() -> None:
    spec = jumpstart.specification(Model("catboost", "regression"), KINDS)
    (told,) = [each for each in spec["hyperparameters"] if each["name"] == "max_bin"]
    assert told == {"name": "max_bin", "default": "Auto", "scope": "algorithm", "type": "text"}


def test_an_archive_is_the_same_each_time_and_its_script_says_that_nobody_runs_it(files: dict[str, bytes]) -> None:
    assert jumpstart.files(KINDS) == files
    key = Model("lightgbm", "classification").script("transfer_learning")
    with tarfile.open(fileobj=io.BytesIO(files[key])) as tar:
        assert tar.getnames() == ["transfer_learning.py"]
        script = tar.extractfile("transfer_learning.py")
        assert script is not None
        with pytest.raises(SystemExit, match="never runs this one"):
            exec(compile(script.read(), "transfer_learning.py", "exec"), {})


@pytest.mark.parametrize(
    ("bucket", "region"),
    [
        ("jumpstart-cache-prod-us-east-1", "us-east-1"),
        ("jumpstart-cache-prod-us-gov-west-1", "us-gov-west-1"),
        ("jumpstart-cache-prod-", None),
        ("jumpstart-private-cache-prod-us-east-1", None),
        ("my-jumpstart-cache-prod-us-east-1", None),
    ],
)
def test_the_buckets_are_aws_s_one_a_region(bucket: str, region: str | None) -> None:
    found = re.fullmatch(jumpstart.BUCKETS, bucket)
    assert (found and found[1]) == region
