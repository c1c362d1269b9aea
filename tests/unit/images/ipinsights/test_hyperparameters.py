"""The catalogue is what the reference page says and what AWS documents for tuning."""

from __future__ import annotations

from pathlib import Path

from potager.compute import catalog
from potager.images.ipinsights.hyperparameters import CATALOGUE

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "ipinsights.md"


def test_the_reference_page_holds_the_catalogue():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_what_aws_tunes_may_be_tuned():
    image = catalog.find("382416733822.dkr.ecr.us-east-1.amazonaws.com/ipinsights:1")
    assert image is not None
    assert image.objectives == {"validation:discriminator_auc": "Maximize"}
    assert image.catalogue() is CATALOGUE
    fixed = {one.name for one in CATALOGUE.parameters if not one.tunable}
    assert fixed == {"batch_metrics_publish_interval", "feature_dim"}
