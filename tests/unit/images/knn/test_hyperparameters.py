"""The table of hyperparameters, what they ask of one another, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.knn.hyperparameters import CATALOGUE
from potager.images.knn.settings import Settings, settle

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "knn.md"
GIVEN = {"feature_dim": "4", "k": "3", "predictor_type": "classifier", "sample_size": "100"}


def test_the_reference_page_holds_the_catalogue_as_it_is():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_every_parameter_of_the_catalogue_is_a_setting():
    assert Settings.__dataclass_fields__.keys() == {parameter.name for parameter in CATALOGUE.parameters}


def test_defaults_are_those_that_aws_documents():
    settings = settle(GIVEN)
    assert (settings.index_type, settings.index_metric, settings.mini_batch_size) == ("faiss.Flat", "L2", 5000)
    assert settings.faiss_index_ivf_nlists is None


@pytest.mark.parametrize("name", GIVEN)
def test_what_aws_requires_is_asked_for(name: str):
    with pytest.raises(ClientError, match=f"'{name}' is missing"):
        settle({key: value for key, value in GIVEN.items() if key != name})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"k": "0"}, "'k' is '0', but must be integer in"),
        ({"k": "101"}, "'k' is 101, but sample_size keeps 100 rows"),
        ({"predictor_type": "binary_classifier"}, "must be classifier or regressor"),
        ({"index_type": "Flat"}, "'index_type' is 'Flat'"),
        ({"dimension_reduction_type": "sign"}, "'dimension_reduction_target' is missing"),
        ({"dimension_reduction_type": "sign", "dimension_reduction_target": "4"}, "must be below feature_dim"),
        ({"index_type": "faiss.IVFPQ"}, "'faiss_index_pq_m' is missing"),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "5"}, "must be one of 1, 2, 3, 4, 8"),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "2", "index_metric": "COSINE"}, "does not support"),
        ({"neighbours": "3"}, "Unknown hyperparameter 'neighbours'"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, str], words: str):
    with pytest.raises(ClientError, match=words):
        settle(GIVEN | given)
