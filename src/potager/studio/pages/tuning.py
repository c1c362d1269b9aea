"""A tuning job's page: how far it is, what is best, what mattered, every trial.

`/tuning-jobs/NAME?definition=D&sort=objective&order=descending&status=Failed&page=2`
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.studio import trials, tuning_charts, tuning_code, tuning_form
from potager.studio.asking import asking
from potager.studio.live import stream
from potager.studio.pages.listed import members
from potager.studio.resources import BY_SLUG, ENDED
from potager.studio.safety import ROOT
from potager.studio.trials import Group, Shelf, Tuned
from potager.studio.views import fragment, page

PAGE = 50
"""Trials that a page of the table shows."""
LIVE = ("status", "actions", "progress", "best")
"""The fragments of the page that are live."""
TOLD = 0.3
"""The part of what sets trials apart that must be foretold, for what mattered to be shown as knowledge."""
RESOURCE = BY_SLUG["tuning-jobs"]
SHOWN = ("BestTrainingJob", "OverallBestTrainingJob", "TrainingJobStatusCounters", "ObjectiveStatusCounters")
"""Members that have a place of their own on the page."""


async def _tuned(request: Request) -> Tuned:
    state = request.app.state
    if not hasattr(state, "tuned"):
        state.tuned = Shelf()
    shelf: Shelf = state.tuned
    return await shelf.tuned(asking(request), request.path_params["name"])


async def show(request: Request) -> Response:
    """The page."""
    tuned = await _tuned(request)
    group = tuned.group(request.query_params.get("definition"))
    apart = {member: value for member, value in tuned.found.items() if member not in SHOWN}
    again = tuning_form.repeated(tuned.found)
    return page(
        request,
        "tuning/job.html",
        resource=RESOURCE,
        name=request.path_params["name"],
        tuned=tuned,
        group=group,
        facts=_facts(tuned.found),
        parents=_parents(tuned.found),
        **members(RESOURCE, apart),
        code=tuning_code.boto3(again),
        sdk=tuning_code.sdk(again),
        **{**_head(tuned.found), **_table(request, tuned, group)},
    )


def _head(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the part of the page that is live shows."""
    done, now = trials.ended(found), datetime.now(UTC)
    limit = found["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    over = found["HyperParameterTuningJobStatus"] in ENDED
    begun, end = trials.moment(found["CreationTime"]), trials.moment(found.get("HyperParameterTuningEndTime"))
    return {
        "found": found,
        "over": over,
        "done": done,
        "most": sum(found["TrainingJobStatusCounters"].values()) if over and not limit else limit,
        "left": _rounded(trials.left(found, now)),
        "took": (end - begun).total_seconds() if begun and end else None,
        "best": found.get("BestTrainingJob"),
        "brief": trials.brief,
    }


def _rounded(seconds: float | None) -> float | None:
    """A guess with no more digits than it knows."""
    if seconds is None:
        return None
    step = 5 if seconds < 60 else 60 if seconds < 3600 else 600
    return max(step, round(seconds / step) * step)


def _parents(found: Mapping[str, Any]) -> list[str]:
    given = found.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", ())
    return [each["HyperParameterTuningJobName"] for each in given]


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """How it searches, in the words of the API."""
    config = found["HyperParameterTuningJobConfig"]
    limits, criteria = config["ResourceLimits"], config.get("TuningJobCompletionCriteria", {})
    details = found.get("TuningJobCompletionDetails", {})
    hyperband = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    facts = {
        "Strategy": config["Strategy"],
        "Objective": "; ".join(f"{each['Type']} {each['MetricName']}" for each in trials.goals(found)),
        "MaxNumberOfTrainingJobs": limits.get("MaxNumberOfTrainingJobs"),
        "MaxParallelTrainingJobs": limits.get("MaxParallelTrainingJobs"),
        "MaxRuntimeInSeconds": limits.get("MaxRuntimeInSeconds"),
        "MinResource": hyperband.get("MinResource"),
        "MaxResource": hyperband.get("MaxResource"),
        "EarlyStopping": "by Hyperband"
        if config["Strategy"] == "Hyperband"
        else config["TrainingJobEarlyStoppingType"],
        "RandomSeed": config.get("RandomSeed"),
        "TargetObjectiveMetricValue": criteria.get("TargetObjectiveMetricValue"),
        "EndsAfterTrialsNotImproving": criteria.get("BestObjectiveNotImproving", {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        ),
        "EndsOnConvergence": criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence"),
        "TrialsNotImproving": details.get("NumberOfTrainingJobsObjectiveNotImproving"),
        "ConvergenceDetectedTime": details.get("ConvergenceDetectedTime"),
        "Autotune": found.get("Autotune", {}).get("Mode"),
        "WarmStartType": found.get("WarmStartConfig", {}).get("WarmStartType"),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _table(request: Request, tuned: Tuned, group: Group) -> dict[str, Any]:
    """The page of the table that the address asks for."""
    query = request.query_params
    by, order, status = query.get("sort", "number"), query.get("order", "ascending"), query.get("status", "")
    some = [trial for trial in group.trials if status in ("", trial.status)]
    ordered = trials.sort(some, by, descending=order == "descending")
    number = query.get("page", "1")
    last = max(1, -(-len(ordered) // PAGE))
    at = min(last, max(1, int(number))) if number.isdecimal() and len(number) < 6 else 1
    kept = {"definition": group.name, "status": status, "sort": by, "order": order, "page": str(at)}
    return {
        "address": f"{ROOT}/tuning-jobs/{request.path_params['name']}",
        "rows": ordered[(at - 1) * PAGE : at * PAGE],
        "count": len(ordered),
        "at": at,
        "last": last,
        "by": by,
        "order": order,
        "wanted_status": status,
        "kept": {name: value for name, value in kept.items() if value},
        "group_best": group.best(),
        "columns": [each.name for each in group.space.ranges],
        "brief": trials.brief,
        "early": tuned.found["HyperParameterTuningJobStatus"] not in ("Stopping", "Stopped"),
    }


async def table(request: Request) -> Response:
    """The table alone."""
    tuned = await _tuned(request)
    group = tuned.group(request.query_params.get("definition"))
    return page(request, "tuning/trials.html", tuned=tuned, group=group, **_table(request, tuned, group))


async def live(request: Request) -> Response:
    """What changes while it runs."""
    name, ask = request.path_params["name"], asking(request)

    async def look() -> tuple[dict[str, str], bool]:
        head = _head(await trials.describe(ask, name))
        shown = {each: fragment(request, f"tuning/{each}.html", name=name, **head) for each in LIVE}
        shown["turn"] = str([head["found"][each] for each in trials.SIGN[1:]])
        return shown, not head["over"]

    return stream(request, look)


async def chart(request: Request) -> Response:
    """The data of a chart."""
    tuned = await _tuned(request)
    query = request.query_params
    group, kind = tuned.group(query.get("definition")), request.path_params["kind"]
    if kind == "course":
        data = tuning_charts.course(tuned.groups)
    elif kind == "parallel":
        data = tuning_charts.parallel(group)
    else:
        range_ = group.range(query.get("by", "")) or group.space.ranges[0]
        data = tuning_charts.scatter(group, range_)
    return JSONResponse(data | {"done": tuned.over})


async def importance(request: Request) -> Response:
    """What mattered."""
    tuned = await _tuned(request)
    group = tuned.group(request.query_params.get("definition"))
    found, needed = await tuned.importance(group)
    return page(
        request,
        "tuning/importance.html",
        importance=found,
        needed=needed,
        known=sum(trial.status == "Completed" for trial, _ in group.told),
        sure=found is not None and found.told >= TOLD,
        group=group,
    )


async def every(request: Request) -> Response:
    """All trials of a definition as CSV."""
    tuned = await _tuned(request)
    group = tuned.group(request.query_params.get("definition"))
    names = [each.name for each in group.space.ranges]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", "training_job", "status", group.metric, *names, "seconds", "failure_reason"])
    for trial in group.trials:
        values = [trial.values.get(name, "") for name in names]
        seconds = "" if trial.seconds is None else trial.seconds
        value = "" if trial.value is None else trial.value
        writer.writerow([trial.number, trial.name, trial.status, value, *values, seconds, trial.reason])
    name = "-".join([request.path_params["name"], *filter(None, [group.name]), "trials.csv"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)


async def stop(request: Request) -> Response:
    """Asks it to stop."""
    name = request.path_params["name"]
    await asking(request)("sagemaker", "StopHyperParameterTuningJob", HyperParameterTuningJobName=name)
    return RedirectResponse(f"{ROOT}/tuning-jobs/{name}", 303)


ROUTES = [
    Route("/tuning-jobs/{name}", show),
    Route("/tuning-jobs/{name}/live", live),
    Route("/tuning-jobs/{name}/trials", table),
    Route("/tuning-jobs/{name}/trials.csv", every),
    Route("/tuning-jobs/{name}/importance", importance),
    Route("/tuning-jobs/{name}/charts/{kind}", chart),
    Route("/tuning-jobs/{name}/stop", stop, methods=["POST"]),
]
