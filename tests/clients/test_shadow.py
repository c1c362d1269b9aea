"""Shadow variants, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import until
from tests.clients.traffic import Traffic


@pytest.fixture(scope="module")
def traffic(server: Any) -> Traffic:
    return Traffic(server)


def test_a_shadow_gets_copies_and_its_answers_and_deaths_are_nobodys(traffic: Traffic) -> None:
    production, shadow = traffic.model("light"), traffic.model("shadow")
    config = traffic.config(
        "shadowed",
        traffic.variant(production, "Main"),
        ShadowProductionVariants=[traffic.variant(shadow, "Copy", weight=1.0)],
    )
    endpoint = traffic.endpoint("shadowed", config)
    assert {traffic.ask(endpoint, f"number {number}") for number in range(5)} == {"light"}
    until(lambda: "number 4" in traffic.said(endpoint, "Copy"), "the copies of the requests")
    assert all(f"asked number {number}" in traffic.said(endpoint, "Copy") for number in range(5))
    shown = traffic.show(endpoint)
    assert [each["VariantName"] for each in shown["ProductionVariants"]] == ["Main"]
    (seen,) = shown["ShadowProductionVariants"]
    assert (seen["VariantName"], seen["CurrentInstanceCount"], seen["CurrentWeight"]) == ("Copy", 1, 1.0)
    with pytest.raises(ClientError, match="Variant Copy not found"):
        traffic.ask(endpoint, TargetVariant="Copy")
    traffic.road.delete(endpoint)


def test_a_shadow_of_no_weight_sees_nothing(traffic: Traffic) -> None:
    config = traffic.config(
        "unseen",
        traffic.variant(traffic.model("seen"), "Main"),
        ShadowProductionVariants=[traffic.variant(traffic.model("unseen"), "Copy", weight=0.0)],
    )
    endpoint = traffic.endpoint("unseen", config)
    assert traffic.ask(endpoint) == "seen"
    assert "asked who" in traffic.said(endpoint, "Main")
    assert "asked who" not in traffic.said(endpoint, "Copy")
    traffic.road.delete(endpoint)


def test_a_shadow_goes_with_one_production_variant(traffic: Traffic) -> None:
    model = traffic.model("many")
    variants = [traffic.variant(model, name) for name in ("A", "B")]
    with pytest.raises(ClientError, match="2 and 1 are given"):
        traffic.config("many", *variants, ShadowProductionVariants=[traffic.variant(model, "C")])
    with pytest.raises(ClientError, match="Two variants are named 'A'"):
        traffic.config("many", variants[0], ShadowProductionVariants=[variants[0]])
