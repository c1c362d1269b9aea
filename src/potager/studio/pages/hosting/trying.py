"""Predictions by a form: what came back, how long that took, which variant answered, and the same as a program.

try     InvokeEndpoint, or InvokeEndpointAsync, whose answer is fetched once it is there
stream  InvokeEndpointWithResponseStream, shown as it comes (static/hosting.js)
rows    the first rows of an object, for the form
raw     InvokeEndpoint with a row of the raw table, made into features by the recipe of what the model has learned from
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from potager.images.algorithm.errors import ClientError
from potager.images.tabular import applying
from potager.kernel.errors import WireError
from potager.kernel.settings import Settings
from potager.studio.asking import Asking, asking
from potager.studio.pages.hosting import code, examples
from potager.studio.views import page

SHOWN = 200_000
"""Characters of an answer that are shown."""
MOST_ROWS = 1000
FIELDS = {"content_type": "ContentType", "accept": "Accept", "variant": "TargetVariant", "model": "TargetModel"}


def asked(form: Mapping[str, Any], name: str) -> dict[str, Any]:
    """InvokeEndpoint's parameters, the body as text; line ends are those of the form's reader, not of HTTP."""
    said = {member: str(form.get(field) or "").strip() for field, member in FIELDS.items()}
    body = str(form.get("body") or "").replace("\r\n", "\n")
    return {"EndpointName": name, **{key: value for key, value in said.items() if value}, "Body": body}


async def attempt(request: Request) -> Response:
    """Asks the endpoint once."""
    name, ask, form = request.path_params["name"], asking(request), await request.form()
    params = asked(form, name)
    if form.get("waiting"):
        return await _later(request, ask, params)
    return await _asked(request, ask, params)


async def raw(request: Request) -> Response:
    """Asks about a row of the raw table: the fields are `column.<number>`, in the recipe's order."""
    name, ask, form = request.path_params["name"], asking(request), await request.form()
    example = await examples.of_endpoint(ask, await ask("sagemaker", "DescribeEndpoint", EndpointName=name))
    if not example.raw:
        text = "The recipe of its table is gone, or is none. Ask with the features that the model reads."
        raise WireError("ValidationException", text)
    cells = {one.name: str(form.get(f"column.{place}") or "") for place, one in enumerate(example.raw)}
    try:
        body = applying.row(example.recipe, cells)
    except ClientError as error:
        return _failed(request, WireError("ValidationException", str(error)), {}, 0.0)
    params = {"EndpointName": name, "ContentType": "text/csv", "Accept": "application/json", "Body": body}
    classes: Any = example.recipe.get("classes")
    told: dict[str, Any] = {
        "target": str(example.recipe.get("target", "")),
        "classes": classes if isinstance(classes, list) else (),
    }
    return await _asked(request, ask, params, told)


async def _asked(
    request: Request, ask: Asking, params: dict[str, Any], recipe: Mapping[str, Any] | None = None
) -> Response:
    begun = perf_counter()
    try:
        found = await ask("sagemaker-runtime", "InvokeEndpoint", **{**params, "Body": params["Body"].encode()})
    except WireError as error:
        return _failed(request, error, params, perf_counter() - begun)
    seconds = perf_counter() - begun
    return page(
        request,
        "hosting/answer.html",
        error=None,
        code=200,
        seconds=seconds,
        variant=found.get("InvokedProductionVariant", ""),
        kind=found.get("ContentType", ""),
        text=shown(bytes(found["Body"]), found.get("ContentType", "")),
        programs=_programs(request, params),
        waits=None,
        recipe=recipe,
        features=params["Body"] if recipe else "",
    )


def _failed(request: Request, error: WireError, params: Mapping[str, Any], seconds: float) -> Response:
    """A refusal, or what the model said; a fragment like an answer, for it is one."""
    return page(
        request,
        "hosting/answer.html",
        error=error,
        code=error.fields.get("OriginalStatusCode") or error.status,
        seconds=seconds,
        variant="",
        kind="",
        text="",
        programs=_programs(request, params) if params else [],
        waits=None,
    )


def _programs(request: Request, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    settings: Settings = request.app.state.settings
    name, url = params["EndpointName"], str(request.base_url).rstrip("/")
    return [
        ("boto3", code.invocation("InvokeEndpoint", params)),
        ("AWS CLI", code.cli(name, params)),
        ("curl", code.curl(url, settings.region, name, params)),
    ]


def shown(body: bytes, kind: str) -> str:
    """An answer for reading: JSON with its lines, text as it is, of other bytes how many there are."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"{len(body)} bytes of {kind or 'unknown kind'}, which is no text: {body[:64].hex(' ')} ..."
    if "json" in kind and "lines" not in kind:
        with suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n... {len(text)} characters in all"


async def _later(request: Request, ask: Asking, params: dict[str, Any]) -> Response:
    """Has an asynchronous endpoint take the request on."""
    kept = {key: value for key, value in params.items() if key in ("EndpointName", "ContentType", "Accept")}
    begun = perf_counter()
    try:
        found = await ask("sagemaker-runtime", "InvokeEndpointAsync", **kept, Body=params["Body"].encode())
    except WireError as error:
        return _failed(request, error, params, perf_counter() - begun)
    return page(
        request,
        "hosting/answer.html",
        error=None,
        code=202,
        seconds=perf_counter() - begun,
        variant="",
        kind="",
        text="",
        programs=[("boto3", code.invocation("InvokeEndpointAsync", {**kept, "Body": params["Body"]}))],
        waits={"output": found["OutputLocation"], "failure": found.get("FailureLocation", "")},
        recipe=None,
    )


async def result(request: Request) -> Response:
    """An asynchronous answer, or that it is still awaited: `?output=s3://...&failure=s3://...`."""
    ask, query = asking(request), request.query_params
    waits = {"output": query.get("output", ""), "failure": query.get("failure", "")}
    for which, uri in waits.items():
        if not uri.startswith("s3://"):
            continue
        try:
            data = await examples.head(ask, uri, examples.MOST)
        except WireError as error:
            if error.code not in ("NoSuchKey", "InvalidRange", "NotFound"):
                raise
            continue
        text = shown(data, "application/json")
        return page(request, "hosting/awaited.html", waits=waits, which=which, uri=uri, text=text)
    return page(request, "hosting/awaited.html", waits=waits, which="", uri="", text="")


async def stream(request: Request) -> Response:
    """The parts of an answer, as the model makes them."""
    name, ask, form = request.path_params["name"], asking(request), await request.form()
    params = asked(form, name)
    try:
        found = await ask(
            "sagemaker-runtime", "InvokeEndpointWithResponseStream", **{**params, "Body": params["Body"].encode()}
        )
    except WireError as error:
        return Response(f"{error.code}: {error.message}", error.status, media_type="text/plain")

    async def parts() -> AsyncIterator[bytes]:
        try:
            async for event in found["Body"]:
                yield event["PayloadPart"]["Bytes"]
        except WireError as error:
            yield f"\n{error.code}: {error.message}".encode()

    return StreamingResponse(parts(), media_type="text/plain", headers={"Content-Encoding": "identity"})


async def take(request: Request) -> Response:
    """The form's body out of an object: `?uri=s3://...&number=5&header=on&label=on`."""
    query = request.query_params
    uri, number = query.get("uri", "").strip(), query.get("number", "1")
    rows = min(max(int(number), 1), MOST_ROWS) if number.isdecimal() else 1
    if not uri.startswith("s3://") or "/" not in uri[5:]:
        raise WireError("ValidationException", f"{uri!r} is no object. Write s3://bucket/key.")
    data = await examples.head(asking(request), uri, examples.MOST)
    if query.get("content_type", "text/csv").startswith("text/csv"):
        _, text = examples.rows(data, rows, header="header" in query, label="label" in query)
    else:
        text = "\n".join(data.decode("utf-8", "replace").splitlines()[:rows])
    return page(request, "hosting/body.html", body=text)


ROUTES = [
    Route("/endpoints/{name}/try", attempt, methods=["POST"]),
    Route("/endpoints/{name}/raw", raw, methods=["POST"]),
    Route("/endpoints/{name}/stream", stream, methods=["POST"]),
    Route("/endpoints/{name}/result", result),
    Route("/endpoints/{name}/rows", take),
]
