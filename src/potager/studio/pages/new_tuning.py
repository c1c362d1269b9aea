"""Starting tuning jobs: what is tuned, for what, within which ranges.

GET  /new/tuning-job                 what to begin with: a training job, or an algorithm
     ?like=JOB                       that training job, its hyperparameters kept but for those that are tuned
     ?again=TUNINGJOB                the same as a tuning job
     ?algorithm=xgboost              an algorithm, with its data
POST /new/tuning-job                 starts it, or shows the form again with what is wrong
POST /new/tuning-job/code            the same as programs
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.access.roles import role_arn
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.studio import trials, tuning_code, tuning_form
from potager.studio.asking import Asking, asking
from potager.studio.resources import ENDED
from potager.studio.safety import ROOT
from potager.studio.training import asked, controls, places
from potager.studio.training.algorithms import ALGORITHMS
from potager.studio.training.asked import Form, Unusable
from potager.studio.tuning_form import Base
from potager.studio.views import page

RECENT = 50
"""Training jobs and tuning jobs that the form offers."""
SEVERAL = "This tuning job has several definitions, which the form has no fields for: take its code, below, instead."


async def show(request: Request) -> Response:
    """What to begin with; or the form."""
    ask, query = asking(request), request.query_params
    form: Form = {name: query[name] for name in ("like", "again", "algorithm") if query.get(name)}
    if not form:
        return await _choice(request, ask)
    of = await _base(ask, form)
    if of is None:
        return RedirectResponse(f"{ROOT}/tuning-jobs/{form['again']}#as-code", 303)
    form |= tuning_form.DEFAULTS | tuning_form.fields(of.rows())
    if algorithm := asked.algorithm_of(form):
        form |= asked.DEFAULTS | {"output": f"s3://{places.default_bucket(ask)}/output/"}
        form |= {f"hp.{name}": text for name, text in algorithm.given.items()}
    if form.get("again"):
        form |= tuning_form.again(await trials.describe(ask, form["again"]))
    form |= {f"hp.{name}": text for name, text in of.given.items() if not asked.algorithm_of(form)}
    form.setdefault("objective", next(iter(of.metrics), ""))
    form["name"] = _name(form)
    return await _form(request, ask, form, of, {})


def _name(form: Form) -> str:
    base = re.sub(r"-\d{6}$", "", form.get("like") or form.get("again") or form["algorithm"]).removeprefix("sagemaker-")
    return f"{base[:25].rstrip('-')}-{int(clock.now()) % 1_000_000:06d}"


async def _choice(request: Request, ask: Asking) -> Response:
    found = await ask("sagemaker", "ListTrainingJobs", MaxResults=RECENT, SortBy="CreationTime", SortOrder="Descending")
    jobs = [each["TrainingJobName"] for each in found["TrainingJobSummaries"]]
    return page(request, "tuning/choose.html", jobs=jobs, algorithms=ALGORITHMS)


async def _base(ask: Asking, form: Form) -> Base | None:
    """What the form begins with; None for a tuning job of several definitions."""
    if name := form.get("like"):
        return tuning_form.base(await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=name))
    if name := form.get("again"):
        found = await trials.describe(ask, name)
        return tuning_form.base(found["TrainingJobDefinition"]) if "TrainingJobDefinition" in found else None
    algorithm = asked.algorithm_of(form)
    if algorithm is None:
        raise WireError("ValidationException", f"There is no algorithm '{form.get('algorithm')}' here.")
    return Base({}, {}, dict(algorithm.image.objectives), algorithm.catalogue)


async def _form(request: Request, ask: Asking, form: Form, of: Base, faults: dict[str, str]) -> Response:
    """The form with what was typed, and each fault beside its field."""
    rows = tuning_form.names(form)
    algorithm = asked.algorithm_of(form)
    groups = controls.grouped(algorithm.catalogue, algorithm.common) if algorithm else {}
    static = [name for name in of.given if f"hp.{name}" in form or name in of.given]
    shown = {"ranges", *tuning_form.DEFAULTS, *(f"tune.{name}" for name in rows), *(f"hp.{name}" for name in static)}
    shown |= {f"hp.{one.name}" for group in groups.values() for one in group} | set(_FIELDS)
    shown |= {f"uri.{one.name}" for one in algorithm.channels} if algorithm else set()
    catalogue = of.catalogue
    return page(
        request,
        "tuning/form.html",
        form=form,
        faults=faults,
        general=[text for field, text in faults.items() if field not in shown],
        of=of,
        rows=rows,
        helps={name: found.help for name in rows if catalogue and (found := catalogue.get(name))},
        fixed=[name for name in static if not name.startswith("sagemaker_")],
        algorithm=algorithm,
        groups=groups,
        parents=await _parents(ask),
        kinds=tuning_form.KINDS,
        scales=tuning_form.SCALES,
        strategies=tuning_form.STRATEGIES,
    )


_FIELDS = ("name", "seed", "target", "patience", "least", "most", "parents", "minutes_in_all", "output")


async def _parents(ask: Asking) -> list[str]:
    """The tuning jobs that a new one may learn from."""
    found = await ask(
        "sagemaker", "ListHyperParameterTuningJobs", MaxResults=RECENT, SortBy="CreationTime", SortOrder="Descending"
    )
    return [
        each["HyperParameterTuningJobName"]
        for each in found["HyperParameterTuningJobSummaries"]
        if each["HyperParameterTuningJobStatus"] in ENDED
    ]


async def _typed(request: Request) -> Form:
    return {name: str(text) for name, text in (await request.form()).items() if name != "form_token"}


async def _requested(ask: Asking, form: Form, of: Base) -> dict[str, Any]:
    """CreateHyperParameterTuningJob's members; `Unusable` for what would fail."""
    if asked.algorithm_of(form):
        job = asked.request({**form, "name": "x"}, role_arn(ask.context.account))
        of = tuning_form.base({**job, "HyperParameters": {}})
    return tuning_form.request(form, of)


async def start(request: Request) -> Response:
    """Starts the tuning job, or shows the form again."""
    ask, form = asking(request), await _typed(request)
    of = await _base(ask, form)
    if of is None:
        raise WireError("ValidationException", SEVERAL)
    try:
        made = await _requested(ask, form, of)
        await places.ensure(ask, made["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"])
        await ask("sagemaker", "CreateHyperParameterTuningJob", **made)
    except Unusable as unusable:
        return await _form(request, ask, form, of, unusable.faults)
    except WireError as error:
        return await _form(request, ask, form, of, {tuning_form.field_of(form, error.message): error.message})
    return RedirectResponse(f"{ROOT}/tuning-jobs/{made['HyperParameterTuningJobName']}", 303)


async def code(request: Request) -> Response:
    """The programs that do what the form does."""
    ask, form = asking(request), await _typed(request)
    of = await _base(ask, form)
    try:
        if of is None:
            raise Unusable({"": SEVERAL})
        made = await _requested(ask, form, of)
    except Unusable as unusable:
        return page(request, "tuning/code.html", code="", sdk="", faults=list(unusable.faults.values()))
    return page(request, "tuning/code.html", code=tuning_code.boto3(made), sdk=tuning_code.sdk(made), faults=[])


ROUTES = [
    Route("/new/tuning-job", show),
    Route("/new/tuning-job", start, methods=["POST"]),
    Route("/new/tuning-job/code", code, methods=["POST"]),
]
