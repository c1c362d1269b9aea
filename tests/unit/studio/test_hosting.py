"""What hosting's forms mean, examples, and rates, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from potager.studio.pages.hosting import code, draft, examples, numbers, traffic
from potager.studio.pages.hosting.draft import Unclear
from potager.studio.source import literal

JOB = {
    "TrainingJobName": "claims",
    "TrainingJobStatus": "Completed",
    "AlgorithmSpecification": {"TrainingImage": "000000000000.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2"},
    "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/out/claims/output/model.tar.gz"},
    "HyperParameters": {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://bucket/src.tar.gz"'},
    "RoleArn": "arn:aws:iam::000000000000:role/R",
}
FORM = {"source_1": "job:claims", "endpoint": "e", "config": "c", "model_1": "m"}


def test_a_program_is_what_python_reads() -> None:
    value = {"Long": ["x" * 60, "y" * 60], "Flag": True, "Text": 'a"b\n', "None": None}
    assert eval(literal(value)) == value
    program = code.boto3([("sagemaker", "CreateModel", {"ModelName": "m"}), ("s3", "ListBuckets", {})])
    compile(program, "program", "exec")
    assert program.count("boto3.client") == 2
    assert "s3.list_buckets()" in program


def test_a_job_becomes_a_model_a_configuration_and_an_endpoint() -> None:
    made = draft.drafted({**FORM, "environment_1": "A=1\nB=x=y"}, {"claims": JOB})
    assert [step.operation for step in made.steps] == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    container = made.steps[0].params["PrimaryContainer"]
    assert container["Image"].endswith("/pytorch-inference:2")
    assert container["Environment"] == {"A": "1", "B": "x=y"}
    assert draft.program_environment(JOB)["SAGEMAKER_PROGRAM"] == "train.py"
    for program in (made.boto3(), made.sdk()):
        compile(program, "program", "exec")
    updated = draft.drafted({**FORM, "update": "there"}, {"claims": JOB})
    assert updated.steps[-1].params == {"EndpointName": "there", "EndpointConfigName": "c"}
    assert (updated.steps[-1].operation, updated.sdk()) == ("UpdateEndpoint", "")


@pytest.mark.parametrize("kind", draft.KINDS)
def test_the_sdks_program_of_every_kind_is_python(kind: str) -> None:
    form = {**FORM, "kind": kind, "async_uri": "s3://b/a", "capture": "on", "capture_uri": "s3://b/c"}
    made = draft.drafted(form, {"claims": JOB})
    compile(made.sdk(), "program", "exec")
    assert ("ServerlessConfig" in made.variants[0]) == (kind == "serverless")
    assert ("AsyncInferenceConfig" in made.more) == (kind == "asynchronous")


def test_a_job_that_left_no_model_is_refused() -> None:
    failed = {"TrainingJobName": "claims", "TrainingJobStatus": "Failed", "AlgorithmSpecification": {}}
    with pytest.raises(Unclear, match="it is Failed") as caught:
        draft.drafted(FORM, {"claims": failed})
    assert caught.value.field == "source_1"


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert draft.free("a", []) == "a"
    assert draft.free("a", ["A", "a-2"]) == "a-3"
    long = "x" * 70
    assert draft.free(long, [long[:63]]) == "x" * 61 + "-2"


def test_rows_are_told_from_a_header_and_from_labels() -> None:
    named = b"label,age,sum\n1,30,2.5\n0,40,3\n"
    assert examples.rows(named, 1, header=None, label=True) == (["age", "sum"], "30,2.5")
    assert examples.rows(b"1,2\n3,4\n", 5, header=None, label=False) == ([], "1,2\n3,4")
    assert examples.rows(b"", 5, header=None, label=True) == ([], "")
    example = examples.Example(body="30,2.5", columns=("age", "sum"))
    assert example.fields == [("age", "30"), ("sum", "2.5")]
    assert examples.Example(body=",".join("1" * 100)).fields == []


def test_a_deployment_says_how_traffic_goes_over() -> None:
    assert traffic.deployment_config({"way": "ONCE"}) == {}
    canary = traffic.deployment_config({"way": "CANARY", "size": "10", "wait": "5", "alarms": "one, two"})
    routing = canary["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["CanarySize"] == {"Type": "CAPACITY_PERCENT", "Value": 10}
    assert canary["AutoRollbackConfiguration"]["Alarms"] == [{"AlarmName": "one"}, {"AlarmName": "two"}]
    assert "MaximumBatchSize" in traffic.deployment_config({"way": "ROLLING"})["RollingUpdatePolicy"]
    with pytest.raises(Unclear, match="Alarms"):
        traffic.deployment_config({"way": "ONCE", "alarms": "one"})


async def test_the_pulse_is_what_moved_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    now, sums = [1000.0], {"Invocations": {960.0: 5.0}, "ModelLatency": {960.0: 9000.0}}
    monkeypatch.setattr(numbers.time, "time", lambda: now[0])

    async def ask(_service: str, _operation: str, **asked: Any) -> dict[str, Any]:
        results: list[dict[str, Any]] = []
        for query in asked["MetricDataQueries"]:
            values = sums.get(query["MetricStat"]["Metric"]["MetricName"], {})
            results.append({"Id": query["Id"], "Timestamps": list(values), "Values": list(values.values())})
        return {"MetricDataResults": results}

    pulse = numbers.Pulse("e")
    first = await pulse.look(ask, ["a"])  # pyright: ignore[reportArgumentType]
    assert (first["requests"], first["model"]) == (0.0, None)
    now[0] = 1002.0
    sums["Invocations"][960.0], sums["ModelLatency"][960.0] = 25.0, 49_000.0
    second = await pulse.look(ask, ["a"])  # pyright: ignore[reportArgumentType]
    assert (second["requests"], second["model"]) == (10.0, 2.0)
    now[0] = 1021.0
    sums["Invocations"][1020.0] = 19.0
    third = await pulse.look(ask, ["a"])  # pyright: ignore[reportArgumentType]
    assert third["requests"] == 1.0
    assert [rate for _, _, rate in pulse.beats] == [0.0, 10.0, 1.0]
    now[0] = 1200.0
    await pulse.look(ask, ["a"])  # pyright: ignore[reportArgumentType]
    assert len(pulse.beats) == 1
    assert pulse.chart(["a"])["series"][0]["name"] == "a"
