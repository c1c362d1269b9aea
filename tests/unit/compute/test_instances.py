from __future__ import annotations

import botocore.session
import pytest

from potager.compute import instances
from potager.kernel.errors import Invalid

MODEL = botocore.session.get_session().get_service_model("sagemaker")
ENUMS = ("TrainingInstanceType", "ProcessingInstanceType", "ProductionVariantInstanceType", "TransformInstanceType")


@pytest.mark.parametrize("enum", ENUMS)
def test_every_type_that_the_model_takes_has_a_shape(enum: str) -> None:
    for kind in MODEL.shape_for(enum).enum:
        shape = instances.shape(kind)
        assert 1 <= shape.cpus <= 384
        assert 1 <= shape.memory / instances.GIB / shape.cpus <= 24
        assert 0 <= shape.gpus <= 16
        assert bool(shape.gpus) == kind.startswith(("ml.g", "ml.p"))


@pytest.mark.parametrize(
    ("kind", "cpus", "gib", "gpus"),
    [
        ("ml.m5.large", 2, 8, 0),
        ("ml.m5.xlarge", 4, 16, 0),
        ("ml.m5.4xlarge", 16, 64, 0),
        ("ml.m8g.medium", 1, 4, 0),
        ("ml.m7i-flex.large", 2, 8, 0),
        ("ml.c4.xlarge", 4, 7.5, 0),
        ("ml.c5.9xlarge", 36, 72, 0),
        ("ml.c5n.2xlarge", 8, 21, 0),
        ("ml.r5.24xlarge", 96, 768, 0),
        ("ml.t3.medium", 2, 4, 0),
        ("ml.g4dn.xlarge", 4, 16, 1),
        ("ml.g5.12xlarge", 48, 192, 4),
        ("ml.g5.16xlarge", 64, 256, 1),
        ("ml.p3.2xlarge", 8, 61, 1),
        ("ml.p4d.24xlarge", 96, 1152, 8),
        ("ml.inf1.6xlarge", 24, 48, 0),
        ("ml.trn1.32xlarge", 128, 512, 0),
        ("m5.large", 2, 8, 0),
    ],
)
def test_a_type_has_what_aws_says(kind: str, cpus: int, gib: float, gpus: int) -> None:
    assert instances.shape(kind) == instances.Shape(kind, cpus, round(gib * instances.GIB), gpus)


def test_gpus_and_awss_own_chips_are_accelerators() -> None:
    accelerated = ("ml.m5.large", "ml.g5.xlarge", "ml.trn1.2xlarge", "ml.inf2.xlarge", "ml.c5.large")
    assert [instances.shape(kind).accelerated for kind in accelerated] == [False, True, True, True, False]


@pytest.mark.parametrize("kind", ["ml.m5", "large", "ml.z9.large", "ml.m5.huge", "", "ml.m5.large;"])
def test_what_is_no_type_is_refused_by_name(kind: str) -> None:
    with pytest.raises(Invalid, match="instance type"):
        instances.shape(kind)
