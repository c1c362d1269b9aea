"""Training jobs side by side: `/compare?job=a&job=b`, whatever their algorithms, and whether they ended well or not."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.cells import harmless
from potager.studio.pages.jobs import curves, evaluation, measures, overview
from potager.studio.resources import ENDED
from potager.studio.safety import ROOT
from potager.studio.views import page

MOST = 8
"""Jobs that stand side by side: as many as fit a screen and a legend."""
OFFERED = 100
"""Jobs that the picker offers: the latest."""

Job = Mapping[str, Any]


async def show(request: Request) -> Response:
    """The page."""
    ask, names = asking(request), wanted(request)
    found, offered = await asyncio.gather(_jobs(ask, names), _offered(ask))
    jobs = [job for job in found if not isinstance(job, str)]
    documents = await asyncio.gather(*(evaluation.read(ask, job) for job in jobs))
    query = urlencode([("job", job["TrainingJobName"]) for job in jobs])
    return page(
        request,
        "jobs/compare.html",
        jobs=[_head(job, jobs) for job in jobs],
        absent=[job for job in found if isinstance(job, str)],
        offered=[name for name in offered if name not in names],
        full=len(names) >= MOST,
        most=MOST,
        rows=table(jobs, documents),
        parameters=parameters(jobs),
        facts=facts(jobs),
        roc=_roc(jobs, documents),
        jobs_query=query,
    )


def wanted(request: Request) -> list[str]:
    """The names in the address, each once, `MOST` of them."""
    return list(dict.fromkeys(name for name in request.query_params.getlist("job") if name))[:MOST]


async def _jobs(ask: Asking, names: Sequence[str]) -> list[Any]:
    """The jobs; in the place of one that is not there its name."""

    async def one(name: str) -> Any:
        try:
            return await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
        except WireError:
            return name

    return list(await asyncio.gather(*map(one, names)))


async def _offered(ask: Asking) -> list[str]:
    found = await ask(
        "sagemaker", "ListTrainingJobs", MaxResults=OFFERED, SortBy="CreationTime", SortOrder="Descending"
    )
    return [job["TrainingJobName"] for job in found["TrainingJobSummaries"]]


def _head(job: Job, jobs: Sequence[Job]) -> dict[str, Any]:
    name = job["TrainingJobName"]
    left = [("job", each["TrainingJobName"]) for each in jobs if each is not job]
    return {
        "name": name,
        "status": job["TrainingJobStatus"],
        "reason": job.get("FailureReason", ""),
        "without": f"{ROOT}/compare?{urlencode(left)}",
    }


def table(jobs: Sequence[Job], documents: Sequence[evaluation.Document | None]) -> list[dict[str, Any]]:
    """A row a metric that any of the jobs has: their values, and which are best. The evaluation's come first."""
    columns = [_evaluated(document) | _final(job) for job, document in zip(jobs, documents, strict=True)]
    names = list(dict.fromkeys(name for column in columns for name in column))
    held = [name for name in names if not name.startswith("train:")]
    return [_row(name, columns) for name in [*held, *(name for name in names if name.startswith("train:"))]]


def _row(name: str, columns: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    values = [column.get(name) for column in columns]
    there = [value for value in values if value is not None]
    best = measures.best(name, there) if len(set(there)) > 1 else None
    return {
        "name": name,
        "values": values,
        "best": [best is not None and value == best for value in values],
        "better": measures.better(name),
        "words": measures.said(name),
    }


def _final(job: Job) -> dict[str, float]:
    found = {each["MetricName"]: float(each["Value"]) for each in job.get("FinalMetricDataList", ())}
    return {name: value for name, value in found.items() if measures.better(name)}


def _evaluated(document: evaluation.Document | None) -> dict[str, float]:
    """The evaluation's metrics by channel, `validation:roc_auc`; none where it is none of ours."""
    if not document or document.get("schema") != "potager.evaluation":
        return {}
    try:
        return {
            f"{channel}:{metric}": float(value)
            for channel, told in document["channels"].items()
            for metric, value in told["metrics"].items()
            if value is not None and not metric.startswith(("micro_", "weighted_"))
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def parameters(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """A row a hyperparameter that any job was given: what each has, by default where known, and if they differ."""
    held = [{row["name"]: row for row in overview.hyperparameters(job)} for job in jobs]
    names = sorted({name for rows in held for name, row in rows.items() if row["given"]})
    found: list[dict[str, Any]] = []
    for name in names:
        rows = [one.get(name) for one in held]
        values = ["" if row is None else str(row["value"]) for row in rows]
        given = [row is not None and row["given"] for row in rows]
        found.append({"name": name, "values": values, "given": given, "differs": len(set(values)) > 1})
    return sorted(found, key=lambda row: not row["differs"])


def facts(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """What else tells jobs apart: a row each, its values, and if they differ."""
    abouts = [overview.about(job) for job in jobs]
    rows: list[tuple[str, list[str]]] = [
        ("Algorithm", [about["repository"] for about in abouts]),
        ("Instances", [about["kinds"] for about in abouts]),
        ("Training time", [_seconds(job.get("TrainingTimeInSeconds")) for job in jobs]),
        ("Billable time", [_seconds(job.get("BillableTimeInSeconds")) for job in jobs]),
    ]
    channels = [{channel["name"]: channel["uri"] for channel in overview.channels(job)} for job in jobs]
    names = dict.fromkeys(name for one in channels for name in one)
    rows += [(f"Data: {name}", [one.get(name, "") for one in channels]) for name in names]
    return [{"name": name, "values": values, "differs": len(set(values)) > 1} for name, values in rows]


def _seconds(value: Any) -> str:
    return "" if value is None else f"{value} s"


def _roc(jobs: Sequence[Job], documents: Sequence[evaluation.Document | None]) -> dict[str, Any] | None:
    """ROC curves of the channel by which each is judged, overlaid."""
    series: list[dict[str, Any]] = []
    for place, (job, document) in enumerate(zip(jobs, documents, strict=True)):
        try:
            channels = (document or {})["channels"]
            name = next(each for each in ("validation", "test", "train") if channels.get(each, {}).get("roc_curve"))
            label = f"{job['TrainingJobName']}, {name}"
            series.append(evaluation.roc_series(label, channels[name]["roc_curve"]) | {"like": place})
        except (KeyError, StopIteration, TypeError, ValueError, AttributeError):
            continue
    return evaluation.roc(series) if series else None


async def charts(request: Request) -> Response:
    """The charts of the metrics that any of the jobs has printed; asked for apart, because the logs are read for it."""
    ask = asking(request)
    jobs = [job for job in await _jobs(ask, wanted(request)) if not isinstance(job, str)]
    counted = await asyncio.gather(*(curves.counted(ask, job) for job in jobs))
    numbers = {metric: number for found, _ in counted for metric, number in found.items()}
    shown = [metric for metric, names in curves.groups(numbers).items() if any(numbers[name] > 1 for name in names)]
    return page(
        request,
        "jobs/compare-curves.html",
        metrics=[metric for metric in shown if metric not in ("progress", "throughput")],
        jobs_query=urlencode([("job", job["TrainingJobName"]) for job in jobs]),
        active=any(job["TrainingJobStatus"] not in ENDED for job in jobs),
    )


async def overlaid(request: Request) -> Response:
    """One metric of all the jobs over iterations or time since each began: `?job=a&job=b&metric=auc`."""
    ask, query = asking(request), request.query_params
    jobs = [job for job in await _jobs(ask, wanted(request)) if not isinstance(job, str)]
    metric = query.get("metric", "")

    async def one(place: int, job: Job) -> list[dict[str, Any]]:
        held = curves.groups(curves.names(job)).get(metric, [])
        found = await curves.series(ask, job, held, "iteration")
        return [
            {
                "name": f"{job['TrainingJobName']}, {measures.channel(name)[0] or name}",
                "points": points,
                "like": place,
                "dashed": name.startswith("train:"),
            }
            for name, points in found.items()
            if points
        ]

    series = [line for lines in await asyncio.gather(*map(one, range(MOST), jobs)) for line in lines]
    over = all(job["TrainingJobStatus"] in ENDED for job in jobs)
    data = {"kind": "lines", "x": {"name": "iteration"}, "y": {"name": ""}, "series": series}
    return JSONResponse(data | {"done": over})


async def kept(request: Request) -> Response:
    """The tables as CSV, a row a metric, hyperparameter or fact, a column a job."""
    ask = asking(request)
    jobs = [job for job in await _jobs(ask, wanted(request)) if not isinstance(job, str)]
    documents = await asyncio.gather(*(evaluation.read(ask, job) for job in jobs))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["kind", "name", *(job["TrainingJobName"] for job in jobs)])
    kinds = (("metric", table(jobs, documents)), ("hyperparameter", parameters(jobs)), ("fact", facts(jobs)))
    writer.writerow(["fact", "Status", *(job["TrainingJobStatus"] for job in jobs)])
    for kind, rows in kinds:
        writer.writerows([kind, row["name"], *map(harmless, row["values"])] for row in rows)
    headers = {"Content-Disposition": 'attachment; filename="comparison.csv"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES = [
    Route("/compare", show),
    Route("/compare/curves", charts),
    Route("/compare/curves.json", overlaid),
    Route("/compare/table.csv", kept),
]
