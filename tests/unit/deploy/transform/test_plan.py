from typing import Any

import pytest

from potager.deploy.transform import plan
from potager.deploy.transform.splitting import Sizes
from potager.kernel.errors import Invalid, Unserved

MB = 2**20


def request(source: dict[str, Any] | None = None, output: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://in/data/"}}
    return {
        "TransformInput": {"DataSource": data, **(source or {})},
        "TransformOutput": {"S3OutputPath": "s3://out/data", **(output or {})},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


def test_the_defaults_are_those_of_aws() -> None:
    read = plan.read(request())
    assert (read.split, read.single, read.gzip, read.line) == ("None", False, False, False)
    assert (read.sizes, read.timeout, read.retries) == (Sizes(6 * MB, 6 * MB), 600.0, 3)
    assert read.processing is None


def test_a_payload_of_zero_has_no_limit_but_batches_do() -> None:
    assert plan.read(request(MaxPayloadInMB=0)).sizes == Sizes(6 * MB, plan.CHANNEL)


@pytest.mark.parametrize("limits", [{"MaxPayloadInMB": 101}, {"MaxPayloadInMB": 20, "MaxConcurrentTransforms": 6}])
def test_more_than_a_hundred_megabytes_under_way_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(Invalid, match="100 MB"):
        plan.read(request(**limits))


def test_workers_are_bounded_by_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    wide = request(TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 50})
    assert plan.read(wide).workers == 4


@pytest.mark.parametrize(
    "source",
    [
        {"SplitType": "TFRecord"},
        {"DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://in/data"}}},
        {"DataSource": {"S3DataSource": {"S3DataType": "Converse", "S3Uri": "s3://in/data"}}},
    ],
)
def test_what_is_not_served_is_refused_by_name(source: dict[str, Any]) -> None:
    with pytest.raises(Unserved, match=r"TFRecord|AugmentedManifestFile|Converse"):
        plan.read(request(source))


@pytest.mark.parametrize("uri", ["https://in/data", "s3:///key"])
def test_a_uri_that_is_not_of_s3_is_refused(uri: str) -> None:
    with pytest.raises(Invalid, match="S3 URI"):
        plan.read(request(output={"S3OutputPath": uri}))


def test_filters_that_let_everything_through_are_no_processing() -> None:
    everything = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert plan.read(request(DataProcessing=everything)).processing is None


@pytest.mark.parametrize(
    ("source", "output", "processing", "said"),
    [
        ({}, {}, {"InputFilter": "$[1:]"}, "CSV and JSON"),
        ({"ContentType": "text/csv", "SplitType": "RecordIO"}, {}, {"InputFilter": "$[1:]"}, "CSV and JSON"),
        ({"ContentType": "text/csv"}, {}, {"InputFilter": "$.features"}, "only positions"),
        ({"ContentType": "text/csv"}, {"Accept": "application/jsonlines"}, {"JoinSource": "Input"}, "of one kind"),
        ({"ContentType": "text/csv"}, {}, {"InputFilter": "$[[1]]"}, "JSONPath"),
    ],
)
def test_processing_that_cannot_be_is_refused(
    source: dict[str, Any], output: dict[str, Any], processing: dict[str, str], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        plan.read(request(source, output, DataProcessing=processing))


def test_a_filter_before_the_model_leaves_its_answer_free() -> None:
    read = plan.read(
        request({"ContentType": "text/csv"}, {"Accept": "application/json"}, DataProcessing={"InputFilter": "$[1:]"})
    )
    assert read.processing is not None
    assert not read.processing.shapes
