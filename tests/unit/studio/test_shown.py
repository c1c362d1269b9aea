"""How values are shown: members' names, code in sentences, and what a metric is the better for."""

from __future__ import annotations

import pytest

from potager.studio.pages.hosting.numbers import KEPT, Pulse
from potager.studio.pages.jobs.measures import better
from potager.studio.views import coded, words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TrainingJobStatus", "Training job status"),
        ("EndpointArn", "Endpoint ARN"),
        ("ModelDataUrl", "Model data URL"),
        ("S3Uri", "S3 URI"),
        ("KmsKeyId", "KMS key ID"),
        ("CreationTime", "Creation time"),
    ],
)
def test_a_member_s_name_is_read_as_words(name: str, shown: str) -> None:
    assert words(name) == shown


def test_backticks_become_code_and_the_rest_stays_text() -> None:
    assert coded("have `tls` <on>, or `<a>`") == "have <code>tls</code> &lt;on&gt;, or <code>&lt;a&gt;</code>"


@pytest.mark.parametrize(
    ("metric", "which"),
    [("train:progress", ""), ("train:throughput", ""), ("validation:auc", "higher"), ("train:objective_loss", "lower")],
)
def test_what_tells_of_the_run_alone_is_neither_better_high_nor_low(metric: str, which: str) -> None:
    assert better(metric) == which


def test_the_live_chart_spans_two_minutes_however_little_was_asked() -> None:
    axis = Pulse("endpoint").chart(["one"])["x"]
    assert axis["high"] - axis["low"] == KEPT * 1000
