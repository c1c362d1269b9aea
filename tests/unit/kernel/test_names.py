import pytest

from potager.kernel.errors import Invalid
from potager.kernel.names import REGION, Arn, Scope, arn


def test_an_arn_is_made_and_taken_apart() -> None:
    text = arn("sagemaker", Scope("000000000000", "us-east-1"), "training-job/fraud-1")
    assert text == "arn:aws:sagemaker:us-east-1:000000000000:training-job/fraud-1"
    parsed = Arn.parse(text)
    assert (parsed.kind, parsed.name, parsed.scope) == ("training-job", "fraud-1", Scope("000000000000", "us-east-1"))
    assert str(parsed) == text


def test_a_resource_may_hold_colons() -> None:
    text = "arn:aws:logs:us-east-1:0:log-group:/a:log-stream:b"
    assert Arn.parse(text).resource == "log-group:/a:log-stream:b"


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_a_region_decides_the_partition(region: str, partition: str) -> None:
    assert arn("s3", Scope("1", region), "x").startswith(f"arn:{partition}:")


def test_what_is_no_arn_is_refused_by_its_text() -> None:
    with pytest.raises(Invalid, match="training-job/fraud"):
        Arn.parse("training-job/fraud")


@pytest.mark.parametrize("name", ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-12"])
def test_a_region_of_any_partition_is_one(name: str) -> None:
    assert REGION.fullmatch(name)


@pytest.mark.parametrize("name", ["", "..", "us east-1", "us-east-1\n", "us-east-1/..", "x" * 300, f"us-{'x' * 300}-1"])
def test_what_could_harm_a_path_or_an_arn_is_no_region(name: str) -> None:
    assert not REGION.fullmatch(name)
