"""A stored document is shown as the model has it, and what is left out can be told."""

from __future__ import annotations

from potager.wire import model
from potager.wire.project import project, unknown

SHAPE = model.operation("sagemaker", "DescribeTrainingJob").output_shape


def test_only_what_the_shape_knows_is_shown() -> None:
    doc = {
        "TrainingJobName": "a",
        "pid": 17,
        "FailureReason": None,
        "HyperParameters": {"any": "name"},
        "ResourceConfig": {"InstanceCount": 1, "host": "here", "KeepAlivePeriodInSeconds": None},
        "InputDataConfig": [{"ChannelName": "train", "linked": True}],
        "CreationTime": 1.5,
    }
    assert project(SHAPE, doc) == {
        "TrainingJobName": "a",
        "HyperParameters": {"any": "name"},
        "ResourceConfig": {"InstanceCount": 1},
        "InputDataConfig": [{"ChannelName": "train"}],
        "CreationTime": 1.5,
    }
    assert list(unknown(SHAPE, doc)) == ["pid", "ResourceConfig.host", "InputDataConfig[0].linked"]


def test_no_shape_shows_nothing() -> None:
    assert project(None, {"a": 1}) == {}
    assert list(unknown(None, {"a": 1})) == []
