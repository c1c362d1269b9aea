"""Batch transforms: starting one by a form, and its page: how far it is, its outputs, their first rows.

How far a job is, is told by its objects: each input has an output of its name, with `.out` behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import live, s3
from potager.studio.asking import Asking, asking, seconds
from potager.studio.loglines import KINDS
from potager.studio.pages import streams
from potager.studio.pages.hosting import code, deploying, draft, examples
from potager.studio.pages.hosting.draft import Unclear, number_of
from potager.studio.pages.streams import Printed
from potager.studio.resources import ENDED
from potager.studio.safety import ROOT
from potager.studio.training import places
from potager.studio.views import fragment, page

SPLITS = {"Line": "each line is a record", "RecordIO": "RecordIO records", "None": "the whole object is one request"}
LOOKED = 1000
"""Objects of the input and of the output that are counted."""
SHOWN = 20
"""Outputs that are named."""
HEAD, LINES = 16_384, 20
"""Bytes and lines of the first output that are shown."""


async def show(request: Request) -> Response:
    """The form: `?model=NAME` or `?job=NAME`, or any of its fields."""
    query = dict(request.query_params)
    for kind in ("job", "model"):
        if query.get(kind):
            query.setdefault("source_1", f"{kind}:{query[kind]}")
    return await _form(request, query)


async def _form(request: Request, given: Mapping[str, str], problem: Unclear | None = None) -> Response:
    ask = asking(request)
    choice, jobs, taken = await asyncio.gather(
        deploying.offered(ask, given), deploying.jobs_of(ask, given), deploying.taken_names(ask)
    )
    form, suggested = await _suggested(ask, given, taken["model"])
    return page(
        request,
        "hosting/transform-form.html",
        jobs=choice["jobs"],
        models=choice["models"],
        form=form,
        suggested=suggested,
        problem=problem,
        splits=SPLITS,
        types=deploying.types(),
        program=_program(form, jobs),
    )


async def _suggested(ask: Asking, given: Mapping[str, str], taken: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The form's values, and those among them that were suggested."""
    kind, _, name = given.get("source_1", "").partition(":")
    bucket = places.default_bucket(ask)
    named = {"output": f"s3://{bucket}/transform/"}
    if name:
        named["name"] = deploying.stamped(name)
        if kind == "job":
            named["model_1"] = draft.free(name, taken)
        example = await _example(ask, kind, name)
        named |= {"content_type": example.content_type, "input": example.uri}
        named["output"] = f"s3://{bucket}/transform/{named['name']}/"
        if example.label:
            named["input_filter"] = "$[1:]"
    kept = {key: value for key, value in given.items() if value and value != given.get(f"was_{key}", "")}
    return {**named, **kept}, named


async def _example(ask: Asking, kind: str, name: str) -> examples.Example:
    try:
        return await (examples.of_model if kind == "model" else examples.of_job)(ask, name)
    except WireError:
        return examples.Example()


def calls(form: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The operations that the form asks for; `Unclear` names the field that must be mended."""
    kind, _, chosen = _said(form, "source_1").partition(":")
    if not chosen:
        raise Unclear("source_1", "Choose the model that answers.")
    source = draft.Source(chosen) if kind == "model" else draft.made_of(jobs[chosen], form, 1)
    made: list[tuple[str, dict[str, Any]]] = []
    if source.container is not None:
        role = {"ExecutionRoleArn": source.role} if source.role else {}
        made.append(("CreateModel", {"ModelName": source.model, "PrimaryContainer": source.container, **role}))
    for field in ("name", "input", "output"):
        if not _said(form, field):
            raise Unclear(field, "Give it a name." if field == "name" else "Write s3://bucket/prefix.")
    split = _said(form, "split") or "Line"
    given: dict[str, Any] = {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": _said(form, "input")}},
        "SplitType": split,
    }
    if _said(form, "content_type"):
        given["ContentType"] = _said(form, "content_type")
    if _said(form, "gzip"):
        given["CompressionType"] = "Gzip"
    output: dict[str, Any] = {"S3OutputPath": _said(form, "output")}
    if _said(form, "accept"):
        output["Accept"] = _said(form, "accept")
    if split != "None":
        output["AssembleWith"] = "Line"
    params: dict[str, Any] = {
        "TransformJobName": _said(form, "name"),
        "ModelName": source.model,
        "TransformInput": given,
        "TransformOutput": output,
        "TransformResources": {
            "InstanceType": _said(form, "instance_type") or "ml.m5.large",
            "InstanceCount": int(number_of(form, "count", "The number of instances", 1)),
        },
    }
    if split != "None":
        params["BatchStrategy"] = "SingleRecord" if _said(form, "single") else "MultiRecord"
    if _said(form, "payload"):
        params["MaxPayloadInMB"] = int(number_of(form, "payload", "The size of a request", 6))
    if processing := _processing(form):
        params["DataProcessing"] = processing
    return [*made, ("CreateTransformJob", params)]


def _processing(form: Mapping[str, Any]) -> dict[str, Any]:
    """Filters and the join, where they are wanted."""
    found: dict[str, Any] = {}
    for field, member in (("input_filter", "InputFilter"), ("output_filter", "OutputFilter")):
        if _said(form, field) not in ("", "$"):
            found[member] = _said(form, field)
    return found | ({"JoinSource": "Input"} if _said(form, "join") else {})


def _program(form: Mapping[str, Any], jobs: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    try:
        made = calls(form, jobs)
    except (Unclear, KeyError):
        return None
    return code.boto3([("sagemaker", operation, params) for operation, params in made]), ""


async def program(request: Request) -> Response:
    """The form as a program."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    said = _program(form, await deploying.jobs_of(asking(request), form))
    return HTMLResponse(request.app.state.views.text(request, "hosting/program.html", program=said))


async def start(request: Request) -> Response:
    """Starts the job; a model that was made for it stays where the job is refused, and is chosen then."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    ask = asking(request)
    try:
        wanted = calls(form, await deploying.jobs_of(ask, form))
        await places.ensure(ask, _said(form, "output"))
        for operation, params in wanted:
            await ask("sagemaker", operation, **params)
            if operation == "CreateModel":
                form["source_1"] = f"model:{params['ModelName']}"
    except Unclear as unclear:
        return await _form(request, form, unclear)
    except WireError as error:
        return await _form(request, form, Unclear("", f"{error.code}: {error.message}"))
    return RedirectResponse(f"{ROOT}/transform-jobs/{_said(form, 'name')}", 303)


async def one(request: Request) -> Response:
    """A job's page."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeTransformJob", TransformJobName=name)
    return page(
        request,
        "hosting/transform.html",
        name=name,
        found=found,
        moving=found["TransformJobStatus"] not in ENDED,
        progress=await progress(ask, found),
        streams=await streams.streams(ask, _printed(found)),
        programs=code.boto3([("sagemaker", "CreateTransformJob", _asked(found))]),
    )


ANSWERED = ("TransformJobArn", "TransformJobStatus", "FailureReason", "CreationTime")
"""What DescribeTransformJob tells that nobody asked for, besides times."""


def _asked(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in ANSWERED and not key.endswith("Time")}


def _printed(found: Mapping[str, Any]) -> Printed:
    over = found["TransformJobStatus"] in ENDED
    group, name = KINDS["transform-jobs"][1], found["TransformJobName"]
    return streams.of_job(group, name, found["CreationTime"], over=over)


async def _find(ask: Asking, name: str) -> Printed:
    return _printed(await ask("sagemaker", "DescribeTransformJob", TransformJobName=name))


async def watch(request: Request) -> Response:
    """The page's events: `status` and `progress`, until the job has ended."""
    name, ask = request.path_params["name"], asking(request)

    async def look() -> tuple[dict[str, str], bool]:
        found = await ask("sagemaker", "DescribeTransformJob", TransformJobName=name)
        told = await progress(ask, found)
        return {
            "status": fragment(request, "hosting/transform-status.html", found=found, name=name),
            "progress": fragment(request, "hosting/transform-progress.html", progress=told),
        }, found["TransformJobStatus"] not in ENDED

    return live.stream(request, look)


async def progress(ask: Asking, found: Mapping[str, Any]) -> dict[str, Any]:
    """How many of the inputs have an output, the outputs, and the first lines of the first."""
    source = found["TransformInput"]["DataSource"]["S3DataSource"]
    try:
        inputs, outputs = await asyncio.gather(
            _objects(ask, source["S3Uri"]), _objects(ask, found["TransformOutput"]["S3OutputPath"])
        )
    except WireError:
        return {"inputs": None, "outputs": [], "done": 0, "first": "", "bucket": ""}
    since = seconds(found["CreationTime"])
    made = [each for each in outputs if each["Key"].endswith(".out") and seconds(each["LastModified"]) >= since - 1]
    bucket, _ = s3.split(found["TransformOutput"]["S3OutputPath"])
    first = await _head(ask, bucket, made[0]["Key"]) if made and made[0]["Size"] else ""
    return {
        "inputs": len(inputs) if source["S3DataType"] == "S3Prefix" else None,
        "most": LOOKED,
        "outputs": made[:SHOWN],
        "done": len(made),
        "first": first,
        "bucket": bucket,
    }


async def _objects(ask: Asking, uri: str) -> list[dict[str, Any]]:
    bucket, prefix = s3.split(uri)
    listed = await ask("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, MaxKeys=LOOKED)
    return [each for each in listed.get("Contents", ()) if not each["Key"].endswith("/")]


async def _head(ask: Asking, bucket: str, key: str) -> str:
    data = await examples.head(ask, f"s3://{bucket}/{key}", HEAD)
    return "\n".join(data.decode("utf-8", "replace").splitlines()[:LINES])


async def stop(request: Request) -> Response:
    """Asks the job to stop."""
    name = request.path_params["name"]
    await asking(request)("sagemaker", "StopTransformJob", TransformJobName=name)
    return RedirectResponse(f"{ROOT}/transform-jobs/{name}", 303)


def _said(form: Mapping[str, Any], name: str) -> str:
    return str(form.get(name) or "").strip()


ROUTES = [
    Route("/new/transform-job", show),
    Route("/new/transform-job", start, methods=["POST"]),
    Route("/new/transform-job/program", program, methods=["POST"]),
    Route("/transform-jobs/{name}", one),
    Route("/transform-jobs/{name}/live", watch),
    Route("/transform-jobs/{name}/stop", stop, methods=["POST"]),
    *streams.routes("/transform-jobs", _find),
]
