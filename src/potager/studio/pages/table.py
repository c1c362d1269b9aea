"""A table made ready for training: choose the target and the columns, have it split and written, go on to train.

GET  /new/training-table?source=s3://..&target=..&algorithm=..    the form
POST /new/training-table                                          starts the processing job
GET  /new/training-table/{job}, /live                             how it goes, and where to go on
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.access.roles import role_arn
from potager.images.algorithm.errors import ClientError
from potager.kernel import clock, uris
from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.studio import live, s3
from potager.studio.asking import Asking, asking
from potager.studio.resources import ENDED
from potager.studio.safety import ROOT
from potager.studio.training import places, preparation
from potager.studio.training.algorithms import BY_REPOSITORY
from potager.studio.views import fragment, page

_FIELDS = ("source", "target", "algorithm", "name", "output", *preparation.DEFAULTS)
NAMELESS = "has no header line. Give its columns names in a first line."
UNREAD = (
    "cannot be looked at here: this form reads CSV that is not packed. Save it so, or have a program start the "
    "processing job, which reads Parquet and gzip, too (docs/reference/tabular.md)."
)
_MOST_RECIPE = 2**22


async def show(request: Request) -> Response:
    """The form."""
    ask, query = asking(request), request.query_params
    form = dict(preparation.DEFAULTS)
    form |= preparation.suited(BY_REPOSITORY.get(query.get("algorithm", "")))
    form |= {name: query[name] for name in _FIELDS if query.get(name)}
    form.setdefault("name", f"table-{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d-%H-%M-%S-%f}"[:-3])
    form.setdefault("output", f"s3://{places.default_bucket(ask)}/tables")
    return await _form(request, ask, form, {}, fresh=True)


async def _form(
    request: Request, ask: Asking, form: dict[str, str], faults: dict[str, str], *, fresh: bool = False
) -> Response:
    sample = await places.look(ask, form["source"]) if form.get("source") else None
    columns = preparation.columns(sample.names, sample.rows) if sample and sample.header else []
    if fresh:
        form |= {f"keep.{one.name}": "on" for one in columns if not one.why() or one.name == form.get("target")}
    if form.get("source") and not faults:
        if sample is None:
            faults = {"source": "Nothing is there. Upload the table, or correct the address."}
        elif not sample.header:
            faults = {"source": NAMELESS if sample.rows else UNREAD}
            faults = {field: f"{sample.key} {text}" for field, text in faults.items()}
    return page(
        request,
        "training/table.html",
        form=form,
        faults=faults,
        sample=sample,
        columns=columns,
        algorithm=BY_REPOSITORY.get(form.get("algorithm", "")),
    )


async def start(request: Request) -> Response:
    """Writes the plan and starts the job, or shows the form again."""
    ask = asking(request)
    form = {name: str(text).strip() for name, text in (await request.form()).items() if name != "form_token"}
    sample = await places.look(ask, form.get("source", ""))
    if sample is None or not sample.header:
        return await _form(request, ask, form, {})
    try:
        plan = preparation.plan(form, sample.names)
        home = f"{form.get('output', '').rstrip('/')}/{form['name']}"
        bucket, key = uris.s3(f"{home}/plan.json")
        await places.ensure(ask, home)
        content = json.dumps(plan, indent=1).encode()
        await ask("s3", "PutObject", Bucket=bucket, Key=key, Body=Body.of(content), ContentType="application/json")
        parts = ["train", *(part for part, share in plan["shares"].items() if share)]
        tags = {"potager:algorithm": form.get("algorithm", "")}
        made = preparation.request(form, role_arn(ask.context.account), home, parts, tags)
        await ask("sagemaker", "CreateProcessingJob", **made)
    except ClientError as error:
        return await _form(request, ask, form, {"": str(error)})
    except WireError as error:
        field = "name" if "name" in error.message.lower() else "output" if "bucket" in error.message.lower() else ""
        return await _form(request, ask, form, {field: error.message})
    return RedirectResponse(f"{ROOT}/new/training-table/{form['name']}", 303)


async def state(ask: Asking, name: str) -> dict[str, Any]:
    """How the job goes; once it has completed, what was made and where to go on."""
    job = await ask("sagemaker", "DescribeProcessingJob", ProcessingJobName=name)
    found: dict[str, Any] = {
        "job": job,
        "name": name,
        "reached": job["ProcessingJobStatus"],
        "recipe": None,
        "onward": [],
    }
    if found["reached"] == "Completed":
        tags = await ask("sagemaker", "ListTags", ResourceArn=job["ProcessingJobArn"])
        wanted = {tag["Key"]: tag["Value"] for tag in tags.get("Tags", ())}.get("potager:algorithm", "")
        recipe = await _recipe(ask, preparation.outputs(job))
        found |= {"recipe": recipe, "onward": _onward(recipe, job, wanted) if recipe else []}
    return found


async def _recipe(ask: Asking, outputs: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        return json.loads(await s3.beginning(ask, f"{outputs['recipe']}/recipe.json", _MOST_RECIPE))
    except (KeyError, ValueError, WireError):
        return None


def _onward(recipe: dict[str, Any], job: Mapping[str, Any], wanted: str) -> list[tuple[str, Any]]:
    """Addresses of the training forms and their algorithms, the wanted one first."""
    outputs = preparation.outputs(job)
    fitting = sorted(preparation.fitting(recipe), key=lambda one: one.repository != wanted)
    return [(f"{ROOT}/new/training-job?{preparation.onward(recipe, outputs, one)}", one) for one in fitting]


async def one(request: Request) -> Response:
    """The page that waits, and goes on."""
    found = await state(asking(request), request.path_params["name"])
    return page(request, "training/prepared.html", ended=found["reached"] in ENDED, **found)


async def moving(request: Request) -> Response:
    """The same, as it changes."""
    ask, name = asking(request), request.path_params["name"]

    async def look() -> tuple[dict[str, str], bool]:
        found = await state(ask, name)
        return {"state": fragment(request, "training/state.html", **found)}, found["reached"] not in ENDED

    return live.stream(request, look)


ROUTES = [
    Route("/new/training-table", show),
    Route("/new/training-table", start, methods=["POST"]),
    Route("/new/training-table/{name}", one),
    Route("/new/training-table/{name}/live", moving),
]
