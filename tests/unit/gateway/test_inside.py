"""The house's own door: an operation run for a room as a client's request would be run, without the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from potager.gateway.house import registry
from potager.gateway.inside import Inside
from potager.kernel.context import Caller, Context, Doors, House
from potager.kernel.errors import Invalid, Unserved
from potager.kernel.names import Scope


@pytest.fixture
def ctx(monkeypatch: pytest.MonkeyPatch) -> Context:
    house = House()
    house.add(Doors, Doors(Inside(registry())))
    return Context(house, Caller("000000000000", "arn:x", "id"), "us-east-1", "request")


async def test_a_room_gets_what_a_client_would_and_no_more(ctx: Context) -> None:
    assert await ctx.call("sts", "GetCallerIdentity", {}) == {
        "UserId": "id",
        "Account": "000000000000",
        "Arn": "arn:x",
    }


async def test_a_task_without_a_request_acts_for_the_account_as_its_service(ctx: Context) -> None:
    acting = ctx.house.acting("sagemaker", Scope("000000000001", "eu-west-1"))
    assert (acting.account, acting.region) == ("000000000001", "eu-west-1")
    told = await acting.call("sts", "GetCallerIdentity", {})
    assert told["Arn"] == "arn:aws:sts::000000000001:assumed-role/AWSServiceRoleFor-sagemaker/sagemaker"


async def test_members_that_the_model_does_not_know_are_left_out(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"Account": "1", "_private": req}

    monkeypatch.setattr(ctx[Doors].door.registry, "find", lambda service, operation: handler)  # type: ignore[attr-defined]
    assert await ctx.call("sts", "GetCallerIdentity", {"Unknown": 1}) == {"Account": "1"}


async def test_a_rooms_request_is_validated_as_a_clients_is(ctx: Context) -> None:
    with pytest.raises(Invalid, match="modelName"):
        await ctx.call("sagemaker", "DescribeModel", {"ModelName": "bad_name"})


async def test_what_is_not_served_to_clients_is_not_served_to_rooms(ctx: Context) -> None:
    with pytest.raises(Unserved, match="ListDomains"):
        await ctx.call("sagemaker", "ListDomains", {})
