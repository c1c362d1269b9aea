"""The list of buckets, and a new one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import asking
from potager.studio.pages.data.addresses import address
from potager.studio.pages.data.configuration import ENCRYPTIONS, encrypt, regions
from potager.studio.views import page, wanted

PAGE = 100
"""Buckets of a page."""


async def show(request: Request) -> Response:
    """A page of the buckets: `?name=cla&next=...`."""
    query = request.query_params
    found = await asking(request)(
        "s3", "ListBuckets", MaxBuckets=PAGE, Prefix=query.get("name"), ContinuationToken=query.get("next")
    )
    template = "data/bucket-rows.html" if wanted(request) else "data/buckets.html"
    return page(request, template, buckets=found["Buckets"], next=found.get("ContinuationToken"))


async def form(request: Request, status: int = 200, problem: str = "", typed: Any = None) -> Response:
    """What a new bucket is to be."""
    given: dict[str, Any] = {
        "name": "",
        "region": request.app.state.settings.region,
        "encryption": "none",
        "versioning": "",
        **(typed or {}),
    }
    return page(
        request,
        "data/new-bucket.html",
        status,
        typed=given,
        problem=problem,
        regions=regions(request.app.state.settings.region),
        encryptions=ENCRYPTIONS,
    )


async def create(request: Request) -> Response:
    """Makes a bucket. What is wrong is said beside the form, with all that was typed."""
    typed = {name: str(value).strip() for name, value in (await request.form()).items()}
    name, region = typed.get("name", ""), typed.get("region", "")
    ask = asking(request, region)
    where = {"LocationConstraint": region} if region != "us-east-1" else None
    try:
        if not name:
            raise WireError("InvalidBucketName", "A bucket needs a name.")
        if await _there(request, name):
            raise WireError("BucketAlreadyOwnedByYou", f"The bucket '{name}' is there already. Choose another name.")
        await ask("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=where)
        if typed.get("versioning"):
            await ask("s3", "PutBucketVersioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        await encrypt(ask, name, typed.get("encryption", "none"))
    except WireError as error:
        return await form(request, error.status, error.message, typed)
    return RedirectResponse(address(name), 303)


async def _there(request: Request, name: str) -> bool:
    """Whether there is a bucket of that name: in us-east-1, CreateBucket would give it once more."""
    try:
        await asking(request)("s3", "HeadBucket", Bucket=name)
    except WireError:
        return False
    return True


ROUTES = [Route("/data", show), Route("/new/bucket", form), Route("/new/bucket", create, methods=["POST"])]
