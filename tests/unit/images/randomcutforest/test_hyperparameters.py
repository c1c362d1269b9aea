"""The catalogue is what the reference page says and what AWS documents for tuning."""

from __future__ import annotations

from pathlib import Path

from potager.compute import catalog
from potager.images.randomcutforest.hyperparameters import CATALOGUE

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "randomcutforest.md"


def test_the_reference_page_holds_the_catalogue():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_what_aws_tunes_may_be_tuned():
    image = catalog.find("382416733822.dkr.ecr.us-east-1.amazonaws.com/randomcutforest:1")
    assert image is not None
    assert image.objectives == {"test:f1": "Maximize"}
    assert image.catalogue() is CATALOGUE
    tunable = {one.name: (one.tunable.low, one.tunable.high) for one in CATALOGUE.parameters if one.tunable}
    assert tunable == {"num_samples_per_tree": (1, 2048), "num_trees": (50, 1000)}
