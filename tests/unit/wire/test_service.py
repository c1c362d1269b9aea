"""Functions become operations by their names; domain errors become codes by one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from potager.kernel.context import Context
from potager.kernel.errors import (
    Denied,
    Exists,
    Fault,
    InUse,
    Invalid,
    LimitReached,
    NotFound,
    Stale,
    Unserved,
    WireError,
)
from potager.wire import model
from potager.wire.service import Registry, Service, operation_names

Answer = Mapping[str, Any] | None


async def list_models(ctx: Context, req: dict[str, Any]) -> Answer:
    return {"Models": []}


async def describe_model(ctx: Context, req: dict[str, Any]) -> Answer:
    return None


def test_a_function_is_the_operation_of_its_name() -> None:
    service = Service("sagemaker")
    assert service.operation(list_models) is list_models
    assert service.operations == {"ListModels": list_models}
    assert service.model is model.load("sagemaker")


def test_a_name_that_the_model_does_not_have_raises_at_once() -> None:
    async def stop_trainingjob(ctx: Context, req: dict[str, Any]) -> Answer: ...

    with pytest.raises(LookupError, match="stop_trainingjob"):
        Service("sagemaker").operation(stop_trainingjob)


def test_a_function_that_cannot_be_awaited_raises_at_once() -> None:
    def list_models(ctx: Context, req: dict[str, Any]) -> Answer: ...

    with pytest.raises(TypeError, match="async"):
        Service("sagemaker").operation(list_models)  # pyright: ignore


def test_an_operation_defined_twice_raises_in_one_service_and_in_the_registry() -> None:
    one, two, registry = Service("sagemaker"), Service("sagemaker"), Registry()
    one.operation(list_models)
    two.operation(list_models)
    with pytest.raises(ValueError, match="twice"):
        one.operation(list_models)
    registry.add(one)
    with pytest.raises(ValueError, match="two rooms: ListModels"):
        registry.add(two)


@pytest.mark.parametrize("service", ["sagemaker", "s3", "iam", "logs", "sts", "sagemaker-runtime"])
def test_every_operation_has_a_name_of_its_own_in_python(service: str) -> None:
    spellings = operation_names(service)
    assert set(spellings.values()) == set(model.names(service))
    assert all(spelling.isidentifier() for spelling in spellings)
    assert operation_names("sagemaker")["create_auto_ml_job_v2"] == "CreateAutoMLJobV2"
    assert operation_names("s3")["list_objects_v2"] == "ListObjectsV2"


def test_rooms_are_merged_and_what_is_not_there_is_refused_by_name() -> None:
    one, two, registry = Service("sagemaker"), Service("sagemaker"), Registry()
    one.operation(list_models)
    two.operation(describe_model)
    registry.add(one)
    registry.add(two)
    assert registry.find("sagemaker", "ListModels") is list_models
    assert registry.served() == {"sagemaker": ["DescribeModel", "ListModels"]}
    with pytest.raises(Unserved, match="sagemaker CreateModel"):
        registry.find("sagemaker", "CreateModel")
    with pytest.raises(Unserved, match="glue GetTable"):
        registry.find("glue", "GetTable")
    unknown = {
        "sagemaker": "UnknownOperationException",
        "nonsense": "UnknownOperationException",
        "iam": "InvalidAction",
    }
    for service, code in unknown.items():
        with pytest.raises(WireError) as caught:
            registry.find(service, "MakeSomething")
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("service", "operation", "fault", "code", "status"),
    [
        ("sagemaker", "DescribeTrainingJob", NotFound("x"), "ResourceNotFound", 400),
        ("sagemaker", "DescribeModel", NotFound("x"), "ValidationException", 400),
        ("sagemaker", "CreateTrainingJob", Exists("x"), "ResourceInUse", 400),
        ("sagemaker", "CreateTrainingJob", LimitReached("x"), "ResourceLimitExceeded", 400),
        ("sagemaker", "CreateTrainingJob", Invalid("x"), "ValidationException", 400),
        ("logs", "GetLogEvents", NotFound("x"), "ResourceNotFoundException", 400),
        ("logs", "GetLogEvents", Invalid("x"), "InvalidParameterException", 400),
        ("iam", "GetRole", NotFound("x"), "NoSuchEntityException", 400),
        ("sts", "GetCallerIdentity", Denied("x"), "AccessDeniedException", 403),
        ("s3", "GetObject", Unserved("x"), "NotImplemented", 501),
        ("s3", "PutObject", Stale("x"), "InternalFailure", 409),
        ("s3", "PutObject", Fault("x"), "InternalFailure", 500),
        ("s3", "PutObject", WireError("SlowDown", "x", 503), "SlowDown", 503),
        ("sagemaker", "NoSuchOperation", NotFound("x"), "ValidationException", 400),
    ],
)
def test_a_domain_error_takes_the_first_code_that_the_operation_models(
    service: str, operation: str, fault: Fault, code: str, status: int
) -> None:
    error = Registry().wire_error(fault, service, operation)
    assert (error.code.removesuffix("Exception"), error.status) == (code.removesuffix("Exception"), status)
    assert error.message == "x"


def test_a_rooms_own_table_comes_first_and_stays_with_its_operations() -> None:
    one, two, registry = Service("sagemaker", {InUse: ("Busy",)}), Service("sagemaker"), Registry()
    one.operation(list_models)
    two.operation(describe_model)
    registry.add(one)
    registry.add(two)
    assert registry.wire_error(InUse("x"), "sagemaker", "ListModels").code == "Busy"
    assert registry.wire_error(InUse("x"), "sagemaker", "DescribeModel").code == "ValidationException"


def test_a_fault_of_a_rooms_own_kind_is_mapped_as_its_parent() -> None:
    class Gone(NotFound):
        pass

    assert Registry().wire_error(Gone("x"), "sagemaker", "DescribeTrainingJob").code == "ResourceNotFound"
