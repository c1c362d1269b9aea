"""/new/endpoint: a training job or models, and what serves them, by one form; beside it the same as a program.

What is made is said when a later call fails; what was made is not made again when the form is sent once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.compute import instances
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.pages.hosting import draft
from potager.studio.pages.hosting.draft import Unclear
from potager.studio.safety import ROOT
from potager.studio.training import places
from potager.studio.views import page

OFFERED = 50
"""Training jobs and models, the newest, that can be chosen."""
TYPES = tuple(f"ml.{name}" for name in ("t2.medium", "m5.large", "m5.xlarge", "m5.2xlarge", "m5.4xlarge", "c5.xlarge"))
NAMES = ("endpoint", "config", "capture_uri", "async_uri", "model_1", "model_2", "environment_1", "environment_2")
"""Fields that are suggested by what is served."""


async def show(request: Request) -> Response:
    """The form, filled as the address says: `?job=NAME`, `?model=NAME`, or any of its fields.

    With `?update=ENDPOINT`, what it makes is for an endpoint that is there.
    """
    query = dict(request.query_params)
    if job := query.get("job"):
        query.setdefault("source_1", f"job:{job}")
    if model := query.get("model"):
        query.setdefault("source_1", f"model:{model}")
    return await _form(request, query)


async def _form(
    request: Request, given: Mapping[str, str], problem: Unclear | None = None, made: Collection[str] = ()
) -> Response:
    """The form; made : the marks of what was made before something failed."""
    ask = asking(request)
    choice, taken, sources = await asyncio.gather(offered(ask, given), taken_names(ask), jobs_of(ask, given))
    form, suggested = _suggested(places.default_bucket(ask), given, sources, taken)
    return page(
        request,
        "hosting/deploy.html",
        jobs=choice["jobs"],
        models=choice["models"],
        form=form,
        suggested=suggested,
        problem=problem,
        made=sorted(made),
        kinds=draft.KINDS,
        memory=draft.MEMORY,
        types=types(),
        program=_program(form, sources),
    )


_NEWEST = {"SortBy": "CreationTime", "SortOrder": "Descending"}


async def offered(ask: Asking, form: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of the jobs and models that can be chosen, with those that a form has."""
    jobs, models = await asyncio.gather(
        ask("sagemaker", "ListTrainingJobs", MaxResults=OFFERED, StatusEquals="Completed", **_NEWEST),
        ask("sagemaker", "ListModels", MaxResults=OFFERED, **_NEWEST),
    )
    return {
        "jobs": _with([each["TrainingJobName"] for each in jobs["TrainingJobSummaries"]], form, "job"),
        "models": _with([each["ModelName"] for each in models["Models"]], form, "model"),
    }


async def taken_names(ask: Asking) -> dict[str, set[str]]:
    """The names of the newest of what there is, which a suggestion avoids."""
    kinds = {"endpoint": "Endpoint", "config": "EndpointConfig", "model": "Model"}
    found = await asyncio.gather(
        *(ask("sagemaker", f"List{kind}s", MaxResults=100, **_NEWEST) for kind in kinds.values())
    )
    return {
        name: {each[f"{kind}Name"] for each in listed[f"{kind}s"]}
        for (name, kind), listed in zip(kinds.items(), found, strict=True)
    }


async def jobs_of(ask: Asking, form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The training jobs that a form names."""
    said = [str(form.get(f"source_{number}", "")).partition(":") for number in draft.VARIANTS]
    names = list(dict.fromkeys(name for kind, _, name in said if kind == "job" and name))
    found = await asyncio.gather(*(ask("sagemaker", "DescribeTrainingJob", TrainingJobName=name) for name in names))
    return dict(zip(names, found, strict=True))


def _with(names: list[str], form: Mapping[str, str], kind: str) -> list[str]:
    """The names, and those that the form has beside them."""
    said = [str(form.get(f"source_{number}", "")).partition(":") for number in draft.VARIANTS]
    return list(dict.fromkeys([*names, *(name for each, _, name in said if each == kind and name)]))


def _suggested(
    bucket: str, given: Mapping[str, str], jobs: Mapping[str, Mapping[str, Any]], taken: Mapping[str, set[str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """The form's values, and those among them that were suggested.

    What the reader has typed is kept when another source is chosen; what stands there as it was suggested is not.
    """
    named = {"capture_uri": f"s3://{bucket}/captured/", "async_uri": f"s3://{bucket}/answers/"}
    for number in reversed(draft.VARIANTS):
        kind, _, name = given.get(f"source_{number}", "").partition(":")
        if not name:
            continue
        if kind == "job":
            named[f"model_{number}"] = draft.free(name, taken["model"])
            variables = draft.program_environment(jobs[name])
            named[f"environment_{number}"] = "\n".join(f"{key}={value}" for key, value in variables.items())
        named["endpoint"] = draft.free(name, taken["endpoint"])
        named["config"] = draft.free(name, taken["config"])
    kept = {name: given[name] for name in NAMES if given.get(name, "") not in ("", given.get(f"was_{name}", ""))}
    return {**given, **named, **kept}, named


def types() -> list[tuple[str, str]]:
    """Instance types to choose from, each with what it has."""
    found = [instances.shape(each) for each in TYPES]
    return [(each.kind, f"{each.cpus} vCPUs, {each.memory / instances.GIB:g} GiB") for each in found]


def stamped(name: str) -> str:
    """A name for what is done again and again: the time stands behind it."""
    at = datetime.fromtimestamp(clock.now(), UTC).strftime("-%Y-%m-%d-%H-%M-%S")
    return name[: draft.MOST_NAME - len(at)].rstrip("-") + at


def _program(form: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    try:
        made = draft.drafted(form, jobs)
    except (Unclear, KeyError):
        return None
    return made.boto3(), made.sdk()


async def program(request: Request) -> Response:
    """The form as a program."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    said = _program(form, await jobs_of(asking(request), form))
    return HTMLResponse(request.app.state.views.text(request, "hosting/program.html", program=said))


async def make(request: Request) -> Response:
    """Makes what the form says."""
    fields = await request.form()
    form = {name: str(value) for name, value in fields.items()}
    made = {str(each) for each in fields.getlist("made")}
    ask = asking(request)
    try:
        wanted = draft.drafted(form, await jobs_of(ask, form))
        for uri in wanted.places:
            await places.ensure(ask, uri)
        for step in wanted.steps:
            if step.mark not in made:
                await ask("sagemaker", step.operation, **step.params)
                made.add(step.mark)
    except Unclear as unclear:
        return await _form(request, form, unclear, made)
    except WireError as error:
        return await _form(request, form, Unclear("", f"{error.code}: {error.message}"), made)
    return RedirectResponse(f"{ROOT}/endpoints/{wanted.endpoint}", 303)


ROUTES = [
    Route("/new/endpoint", show),
    Route("/new/endpoint", make, methods=["POST"]),
    Route("/new/endpoint/program", program, methods=["POST"]),
]
