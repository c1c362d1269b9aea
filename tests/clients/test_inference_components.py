"""Inference components through boto3: models that share the instances of one endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import ROLE, until
from tests.clients.traffic import SCRIPT, Traffic


class Components:
    """An endpoint without models, and components on it."""

    def __init__(self, server: Any, name: str, instance: str = "ml.m5.large", count: int = 1, **more: Any) -> None:
        self.traffic = Traffic(server)
        self.sagemaker, self.runtime = self.traffic.sagemaker, self.traffic.runtime
        self.prefix = self.traffic.road.prefix
        self.jobs = Path(server.data) / "jobs"
        variant = {"VariantName": "AllTraffic", "InstanceType": instance, "InitialInstanceCount": count, **more}
        self.endpoint = self.traffic.endpoint(name, self.traffic.config(name, variant, ExecutionRoleArn=ROLE))

    def create(self, says: str, memory: int = 1024, copies: int = 1, script: str = SCRIPT, **more: Any) -> str:
        """A component whose model answers with `says`; its name."""
        name = f"{self.prefix}-{says}-ic"
        specification = {
            "ModelName": self.traffic.model(says, script),
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": memory, **more},
        }
        self.sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=self.endpoint,
            VariantName="AllTraffic",
            Specification=specification,
            RuntimeConfig={"CopyCount": copies},
        )
        return name

    def show(self, name: str) -> dict[str, Any]:
        return self.sagemaker.describe_inference_component(InferenceComponentName=name)

    def becomes(self, name: str, status: str = "InService", copies: int | None = None) -> dict[str, Any]:
        """The component once it is in that state."""

        def seen() -> dict[str, Any] | None:
            shown = self.show(name)
            there = shown["InferenceComponentStatus"] == status
            return shown if there and copies in (None, shown["RuntimeConfig"]["CurrentCopyCount"]) else None

        return until(seen, f"{status} of {name}")

    def ask(self, name: str, text: str = "who") -> str:
        return self.traffic.ask(self.endpoint, text, InferenceComponentName=name)

    def folders(self) -> list[Path]:
        return sorted(path for path in self.jobs.glob("ic-*"))

    def delete(self, *names: str) -> None:
        """Deletes components, and the endpoint once they are gone."""
        for name in names:
            self.sagemaker.delete_inference_component(InferenceComponentName=name)
        listed = self.sagemaker.list_inference_components
        until(lambda: not listed(EndpointNameEquals=self.endpoint)["InferenceComponents"], "the end of the components")
        self.traffic.road.delete(self.endpoint)


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    return str(refused.value)


def test_models_share_an_endpoint_and_are_invoked_by_name(fresh_server: Any) -> None:
    house = Components(fresh_server, "shared")
    endpoint = house.traffic.show(house.endpoint)
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert not house.folders()
    left, right = house.create("left"), house.create("right", copies=2)
    shown = house.becomes(right, copies=2)
    house.becomes(left)
    assert shown["Specification"]["ComputeResourceRequirements"] == {"MinMemoryRequiredInMb": 1024}
    assert shown["EndpointArn"] == endpoint["EndpointArn"]
    assert (house.ask(left), house.ask(right)) == ("left", "right")
    assert len(house.folders()) == 3
    answer = house.runtime.invoke_endpoint_with_response_stream(
        EndpointName=house.endpoint, InferenceComponentName=left, Body=b"who", ContentType="text/plain"
    )
    assert b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]) == b"left"
    logs = fresh_server.client("logs")
    assert logs.filter_log_events(logGroupName=f"/aws/sagemaker/InferenceComponents/{left}")["events"]

    listed = house.sagemaker.list_inference_components
    found = listed(EndpointNameEquals=house.endpoint, SortBy="Name", SortOrder="Ascending")["InferenceComponents"]
    assert [each["InferenceComponentName"] for each in found] == [left, right]
    assert not listed(EndpointNameEquals="another")["InferenceComponents"]
    assert not listed(VariantNameEquals="another")["InferenceComponents"]
    assert not listed(StatusEquals="Failed")["InferenceComponents"]

    assert "with inference components" in refusal(house.sagemaker.delete_endpoint, EndpointName=house.endpoint)
    house.delete(left, right)
    assert not house.folders()


def test_a_request_without_a_component_or_to_one_that_cannot_answer_says_so(fresh_server: Any) -> None:
    house = Components(fresh_server, "errors")
    ask = house.runtime.invoke_endpoint
    asked = {"EndpointName": house.endpoint, "Body": b"who"}
    assert "Inference Component Name header is required" in refusal(ask, **asked)
    assert "nobody" in refusal(ask, **asked, InferenceComponentName="nobody")
    broken = house.create("broken", script="def model_fn(model_dir):\n    raise RuntimeError('no such luck')\n")
    failed = house.becomes(broken, "Failed")
    assert "did not pass the ping health check" in failed["FailureReason"]
    assert "no such luck" in failed["FailureReason"]
    assert "is Failed" in refusal(ask, **asked, InferenceComponentName=broken)

    with_model = house.traffic.model("own")
    own = house.traffic.endpoint("own", house.traffic.config("own", house.traffic.variant(with_model)))
    elsewhere = {"EndpointName": own, "Body": b"who", "InferenceComponentName": broken}
    assert "is not allowed for endpoints" in refusal(ask, **elsewhere)
    create = house.sagemaker.create_inference_component
    given = {"InferenceComponentName": "x", "RuntimeConfig": {"CopyCount": 1}}
    specification = {"ModelName": with_model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512}}
    said = refusal(create, **given, EndpointName=own, VariantName="AllTraffic", Specification=specification)
    assert "holds no inference components" in said
    said = refusal(create, **given, EndpointName=house.endpoint, VariantName="z", Specification=specification)
    assert "has no variant 'z'" in said
    adapter = {**specification, "BaseInferenceComponentName": broken}
    said = refusal(create, **given, EndpointName=house.endpoint, VariantName="AllTraffic", Specification=adapter)
    assert "BaseInferenceComponentName is not served" in said
    house.traffic.road.delete(own)
    house.delete(broken)


def test_copies_share_what_the_instances_have(fresh_server: Any) -> None:
    house = Components(fresh_server, "room")  # one ml.m5.large: 8192 MB
    first = house.create("first", memory=3000, copies=2)
    house.becomes(first, copies=2)
    second = house.create("second", memory=3000)
    failed = house.becomes(second, "Failed")
    assert "InsufficientInstanceCapacity" in failed["FailureReason"]

    runtime = house.sagemaker.update_inference_component_runtime_config
    runtime(InferenceComponentName=first, DesiredRuntimeConfig={"CopyCount": 3})
    back = house.becomes(first, copies=2)
    assert "InsufficientInstanceCapacity" in back["FailureReason"]
    assert house.ask(first) == "first"
    runtime(InferenceComponentName=first, DesiredRuntimeConfig={"CopyCount": 1})
    assert "FailureReason" not in house.becomes(first, copies=1)
    house.sagemaker.update_inference_component(InferenceComponentName=second, RuntimeConfig={"CopyCount": 1})
    house.becomes(second, copies=1)
    assert house.ask(second) == "second"

    runtime(InferenceComponentName=first, DesiredRuntimeConfig={"CopyCount": 0})
    house.becomes(first, copies=0)
    asked = {"EndpointName": house.endpoint, "InferenceComponentName": first, "Body": b"who"}
    assert "has no capacity to process this request" in refusal(house.runtime.invoke_endpoint, **asked)
    house.delete(first, second)


def test_a_component_answers_while_it_is_updated_and_stays_where_the_new_model_fails(fresh_server: Any) -> None:
    house = Components(fresh_server, "updated")
    name = house.create("old")
    before = house.becomes(name)
    update = house.sagemaker.update_inference_component
    update(InferenceComponentName=name, Specification={"ModelName": house.traffic.model("new")})
    answers: list[str] = []

    def moved() -> bool:
        answers.append(house.ask(name))
        return answers[-1] == "new"

    until(moved, "an answer of the new model")
    assert set(answers) <= {"old", "new"}
    after = house.becomes(name)
    assert (
        after["Specification"]["ComputeResourceRequirements"] == before["Specification"]["ComputeResourceRequirements"]
    )
    bad = house.traffic.model("bad", "def model_fn(model_dir):\n    raise RuntimeError('no such luck')\n")
    update(InferenceComponentName=name, Specification={"ModelName": bad})
    until(lambda: "FailureReason" in house.show(name), "the failure of the update")
    kept = house.becomes(name)
    assert kept["Specification"]["ModelName"] == after["Specification"]["ModelName"]
    assert house.ask(name) == "new"
    house.delete(name)


def test_an_endpoint_without_models_says_what_its_configuration_lacks(fresh_server: Any) -> None:
    traffic = Traffic(fresh_server)
    bare = {"VariantName": "all", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    managed = {"Status": "ENABLED", "MinInstanceCount": 2, "MaxInstanceCount": 1}
    own = traffic.variant(traffic.model("own"), "own")
    refused: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
        ("ExecutionRoleArn", [bare], {}),
        ("Set ModelName for every variant", [bare, own], {"ExecutionRoleArn": ROLE}),
        ("no InstanceType", [{"VariantName": "all"}], {"ExecutionRoleArn": ROLE}),
        ("MaxInstanceCount is 1", [{**bare, "ManagedInstanceScaling": managed}], {"ExecutionRoleArn": ROLE}),
        ("KV_AWARE is not served", [{**own, "RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}], {}),
    ]
    for words, variants, more in refused:
        call = traffic.sagemaker.create_endpoint_config
        assert words in refusal(call, EndpointConfigName="refused", ProductionVariants=variants, **more)


def test_an_update_of_the_endpoint_leaves_its_components_their_room(fresh_server: Any) -> None:
    routing = {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    house = Components(fresh_server, "narrowed", count=2, RoutingConfig=routing)
    assert house.traffic.show(house.endpoint)["ProductionVariants"][0]["RoutingConfig"] == routing
    name = house.create("wide", memory=6000, copies=2)
    house.becomes(name)
    fewer = {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}
    change = house.sagemaker.update_endpoint_weights_and_capacities
    said = refusal(change, EndpointName=house.endpoint, DesiredWeightsAndCapacities=[fewer])
    assert "too little room" in said
    own = house.traffic.config("own", house.traffic.variant(house.traffic.model("own")))
    said = refusal(house.sagemaker.update_endpoint, EndpointName=house.endpoint, EndpointConfigName=own)
    assert "leaves no variant 'AllTraffic'" in said
    assert house.ask(name) == "wide"
    house.delete(name)


def test_application_auto_scaling_changes_how_many_copies_there_are(fresh_server: Any) -> None:
    house = Components(fresh_server, "scaled")
    name = house.create("scaled")
    house.becomes(name)
    scaling = fresh_server.client("application-autoscaling")
    names = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{name}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling.register_scalable_target(**names, MinCapacity=2, MaxCapacity=3)
    house.becomes(name, copies=2)
    assert house.ask(name) == "scaled"
    scaling.register_scalable_target(**names, MinCapacity=0, MaxCapacity=1)
    house.becomes(name, copies=1)

    def ended() -> dict[str, Any] | None:
        latest = scaling.describe_scaling_activities(**names)["ScalingActivities"][0]
        return latest if latest["StatusCode"] == "Successful" else None

    assert "copy count to 1" in until(ended, "the end of the activity")["Description"]
    policy = {
        "TargetValue": 10.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"},
    }
    scaling.put_scaling_policy(
        **names, PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=policy
    )
    house.delete(name)
