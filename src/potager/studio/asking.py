"""How a page asks the house: operations, as the person who signed in, with that person's rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request

from potager.access.roles import administrator
from potager.kernel import ids
from potager.kernel.context import Context, House
from potager.kernel.errors import Fault
from potager.kernel.settings import Settings
from potager.wire.service import Registry


class Asking:
    """Operations on behalf of whoever sent a request.

    found = await asking(request)("sagemaker", "ListTrainingJobs", MaxResults=50)
    """

    def __init__(self, house: House, account: str, region: str, access_key: str, url: str) -> None:
        self.context = Context(house, administrator(account, access_key), region, ids.request_id(), url)

    async def __call__(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """An operation's output; parameters that are None or "" are left out.

        A fault is raised as the `WireError` that a client would get: with AWS's code and status.
        """
        try:
            return await self.context.call(service, operation, given(params))
        except Fault as fault:
            raise self.context[Registry].wire_error(fault, service, operation) from fault

    async def every(self, service: str, operation: str, items: str, most: int, **params: Any) -> AsyncIterator[Any]:
        """The items of a list operation, page after page, `most` of them at most."""
        token = None
        while most > 0:
            found = await self(service, operation, NextToken=token, **params)
            for item in found[items][:most]:
                most -= 1
                yield item
            token = found.get("NextToken")
            if not token:
                return


def asking(request: Request, region: str | None = None) -> Asking:
    """The door for this request, in the server's region or another one."""
    settings: Settings = request.app.state.settings
    url = str(request.base_url).rstrip("/")
    where = region or settings.region
    return Asking(request.app.state.house, settings.account_id, where, request.state.person.access_key, url)


def seconds(at: Any) -> float:
    """A time of an operation's output as seconds since 1970: SageMaker's come as such, S3's as datetimes."""
    return at.timestamp() if isinstance(at, datetime) else float(at)


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None and value != ""}
