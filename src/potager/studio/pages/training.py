"""Starting training jobs: choose an algorithm, fill in the form that its hyperparameters make, start.

GET  /new/training-job                             the algorithms; with `algorithm=`, the form
     ?algorithm=xgboost&train=s3://..&hp.eta=0.1   fields that are filled in, of whoever links here
     ?like=JOB                                     those of a job
POST /new/training-job                             starts it, or shows the form again with what is wrong
POST /new/training-job/code                        the same as programs
GET  /new/training-job/places, /look               what there is in S3, as one types
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.access.roles import role_arn
from potager.compute import instances
from potager.kernel import clock
from potager.kernel.errors import Fault, WireError
from potager.studio.asking import Asking, asking
from potager.studio.safety import ROOT
from potager.studio.training import asked, controls, places
from potager.studio.training.algorithms import ALGORITHMS, BY_REPOSITORY, FRAMEWORKS, Channel
from potager.studio.training.asked import Form, Unusable
from potager.studio.training.code import as_code
from potager.studio.views import page

CHANNELS = tuple(Channel(name, f"/opt/ml/input/data/{name}, SM_CHANNEL_{name.upper()}") for name in asked.CHANNELS)
_FIELDS = ("name", "output", "instance_type", "instance_count", "volume", "minutes", "spot", "checkpoints")
_SCRIPT = ("image", "source", "entry", "arguments")


async def show(request: Request) -> Response:
    """The algorithms to choose from; or the form of the one that is chosen."""
    ask, query = asking(request), request.query_params
    form: Form = {}
    lost: list[str] = []
    if like := query.get("like"):
        job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=like)
        form, lost = asked.like(job), asked.lost(job)
    form |= prefilled(dict(query))
    if not _chosen(form):
        return await _choice(request, ask, form)
    algorithm = asked.algorithm_of(form)
    if algorithm and not like:
        form = {f"hp.{name}": text for name, text in algorithm.given.items()} | form
    form = _proposed(ask) | {name: text for name, text in form.items() if text}
    form.setdefault("name", _name(form.get("like", ""), form["algorithm"]))
    return await _form(request, ask, form, {}, lost)


def _chosen(form: Form) -> bool:
    return form.get("algorithm") == asked.SCRIPT or form.get("algorithm", "") in BY_REPOSITORY


def prefilled(query: dict[str, str]) -> Form:
    """A link's parameters as fields: `train` is the channel's address."""
    found = {name: text for name, text in query.items() if name.startswith(("hp.", "uri.", "type."))}
    found |= {f"uri.{name}": query[name] for name in asked.CHANNELS if query.get(name)}
    found |= {name: query[name] for name in (*_FIELDS, *_SCRIPT, "algorithm") if query.get(name)}
    return found


async def _choice(request: Request, ask: Asking, form: Form) -> Response:
    source = form.get("uri.train", "")
    sample = await places.look(ask, source) if source else None
    raw = sample.key.rpartition("/")[2] if sample and sample.header else ""
    linked = {name: text for name, text in request.query_params.items() if name not in ("algorithm", "like")}
    cards = [
        (f"{ROOT}/new/training-job?{urlencode({'algorithm': one.repository, **linked})}", one, one.missing())
        for one in ALGORITHMS
    ]
    own = f"{ROOT}/new/training-job?{urlencode({'algorithm': asked.SCRIPT, **linked})}"
    table = f"{ROOT}/new/training-table?{urlencode({'source': source, **linked})}"
    return page(request, "training/choose.html", cards=cards, own=own, table=table, frameworks=FRAMEWORKS, raw=raw)


def _proposed(ask: Asking) -> Form:
    return asked.DEFAULTS | {"output": f"s3://{places.default_bucket(ask)}/output/"}


def _name(like: str, algorithm: str) -> str:
    at = clock.now()
    stamp = f"{_utc(at)}-{int(at * 1000) % 1000:03d}"
    base = (like or algorithm).removeprefix("sagemaker-")
    return f"{base[: 62 - len(stamp)]}-{stamp}"


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d-%H-%M-%S")


async def _form(
    request: Request, ask: Asking, form: Form, faults: dict[str, str], lost: Sequence[str] = ()
) -> Response:
    """The form with what was typed, and each fault beside its field; `lost` is what it cannot take from a job."""
    algorithm = asked.algorithm_of(form)
    channels = algorithm.channels if algorithm else CHANNELS
    more = [name for name in asked.channels(form) if name not in {one.name for one in channels}]
    samples = {
        one.name: await places.look(ask, form[f"uri.{one.name}"]) for one in channels if form.get(f"uri.{one.name}")
    }
    groups = controls.grouped(algorithm.catalogue, algorithm.common) if algorithm else {}
    shown = {f"hp.{one.name}" for group in groups.values() for one in group}
    known = {*shown, *_FIELDS, *_SCRIPT, *(f"uri.{one.name}" for one in channels)}
    return page(
        request,
        "training/form.html",
        form=form,
        faults=faults,
        lost=lost,
        general=[text for field, text in faults.items() if field not in known],
        algorithm=algorithm,
        groups=groups,
        channels=[*channels, *(Channel(name, "A channel of your own.") for name in more)],
        samples=samples,
        frameworks=FRAMEWORKS,
        types=asked.CONTENT_TYPES,
        kinds=_kinds(form.get("instance_type", "")),
        missing=algorithm.missing() if algorithm else "",
        table=table_link(form),
    )


def table_link(form: Form) -> str:
    """The address at which a table is made ready for what the form asks for."""
    asks = {"source": form.get("uri.train", ""), "algorithm": form.get("algorithm", "")}
    return f"{ROOT}/new/training-table?{urlencode(asks)}"


def _kinds(chosen: str) -> list[tuple[str, str]]:
    """Instance types, each with what it has."""
    found: list[tuple[str, str]] = []
    for kind in dict.fromkeys((*asked.INSTANCES, chosen)):
        try:
            shape = instances.shape(kind)
        except Fault:
            continue
        found.append((kind, f"{kind}: {shape.cpus} CPUs, {shape.memory / instances.GIB:g} GiB"))
    return found


async def start(request: Request) -> Response:
    """Starts the job, or shows the form again."""
    ask = asking(request)
    form = {name: str(text) for name, text in (await request.form()).items() if name != "form_token"}
    if not _chosen(form):
        return await _choice(request, ask, form)
    try:
        made = await requested(ask, form)
    except Unusable as unusable:
        return await _form(request, ask, form, unusable.faults)
    try:
        await places.ensure(ask, made["OutputDataConfig"]["S3OutputPath"])
        await ask("sagemaker", "CreateTrainingJob", **made)
    except WireError as error:
        return await _form(request, ask, form, {_field(form, error.message): error.message})
    return RedirectResponse(f"{ROOT}/training-jobs/{made['TrainingJobName']}", 303)


async def requested(ask: Asking, form: Form) -> dict[str, Any]:
    """CreateTrainingJob's members, with content types as they are guessed; `Unusable` for what would fail."""
    faults: dict[str, str] = {}
    algorithm = asked.algorithm_of(form)
    if algorithm:
        found = controls.faults(algorithm.catalogue, asked.hyperparameters(form))
        faults |= {f"hp.{name}" if name else "": text for name, text in found.items()}
        for name, uri in asked.channels(form).items():
            sample = await places.look(ask, uri)
            if sample is None:
                continue
            if not form.get(f"type.{name}"):
                form[f"type.{name}"] = algorithm.content_type(name, asked.guessed(sample.key))
            if algorithm.numbers and sample.raw:
                faults[f"uri.{name}"] = raw(sample, algorithm.title)
    try:
        made = asked.request(form, role_arn(ask.context.account))
    except Unusable as unusable:
        faults |= unusable.faults
        made = {}
    if faults:
        raise Unusable(faults)
    return made


def raw(sample: places.Sample, title: str) -> str:
    """Why a table cannot be read as it is."""
    if sample.header:
        return (
            f"{sample.key} begins with a header line ({', '.join(sample.names[:4])} ...). {title} reads numbers alone, "
            "the label first. Have the table made ready."
        )
    return f"{sample.key} has cells that are no numbers. {title} reads numbers alone. Have the table made ready."


def _field(form: Form, message: str) -> str:
    """The field that an operation's complaint is about, as far as its text tells."""
    signs = {
        "name": ("TrainingJobName", "training job with this name", "job names must"),
        "output": ("S3OutputPath", "OutputDataConfig"),
        "instance_type": ("InstanceType", "instance type"),
        "instance_count": ("InstanceCount", "Number of instances"),
        "volume": ("VolumeSizeInGB",),
        "minutes": ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"),
        "checkpoints": ("CheckpointConfig",),
        "entry": ("program '",),
    }
    for name, uri in asked.channels(form).items():
        if f"'{name}'" in message or uri in message:
            return f"uri.{name}"
    message = message.casefold()
    return next((field for field, texts in signs.items() if any(text.casefold() in message for text in texts)), "")


async def suggest(request: Request) -> Response:
    """Addresses in S3 for the field that asks, as the options of its list."""
    typed = request.query_params.get(request.headers.get("hx-trigger-name", "typed"), "")
    found = await places.proposed(asking(request), typed)
    return page(request, "training/places.html", found=found)


async def look(request: Request) -> Response:
    """What a channel's address holds."""
    query = dict(request.query_params)
    uri = next((text for name, text in query.items() if name.startswith("uri.")), "")
    if not uri.strip():
        return HTMLResponse("")
    algorithm = asked.algorithm_of(query)
    sample = await places.look(asking(request), uri)
    link = table_link({"uri.train": uri, "algorithm": query.get("algorithm", "")})
    return page(request, "training/sample.html", sample=sample, algorithm=algorithm, table=link)


async def code(request: Request) -> Response:
    """What the form asks for so far, as programs; or what is missing for that."""
    form = {name: str(text) for name, text in (await request.form()).items() if name != "form_token"}
    if not _chosen(form):
        raise HTTPException(404)
    try:
        codes = as_code(await requested(asking(request), form))
    except Unusable as unusable:
        return page(request, "training/nocode.html", faults=list(unusable.faults.values()))
    return page(request, "training/code.html", codes=codes)


ROUTES = [
    Route("/new/training-job", show),
    Route("/new/training-job", start, methods=["POST"]),
    Route("/new/training-job/places", suggest),
    Route("/new/training-job/look", look),
    Route("/new/training-job/code", code, methods=["POST"]),
]
