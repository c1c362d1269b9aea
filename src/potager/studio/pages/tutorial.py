"""The fraud tutorial's page: started by one click, watched as it goes, and asked in the end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.studio import live, tutorial
from potager.studio.asking import Asking, asking
from potager.studio.safety import ROOT
from potager.studio.views import fragment, page

ASKED = 5
"""How many of the test claims the endpoint is asked about."""

_WALK = re.compile(r"fraud-tutorial(-[0-9]{1,6})?")


async def show(request: Request) -> Response:
    """Where the walk is."""
    ask = asking(request)
    walk, following = await tutorial.walks(ask)
    return page(request, "tutorial/tutorial.html", following=following, **await _known(request, ask, walk))


async def start(request: Request) -> Response:
    """Begins a walk, or goes on with it. The form says which, so that two clicks begin one."""
    walk = str((await request.form()).get("walk", ""))
    if not _WALK.fullmatch(walk):
        raise HTTPException(400)
    ask = asking(request)
    await ask("s3", "CreateBucket", Bucket=walk)  # first, so that the page finds a walk
    _walker(request).go(ask, walk)
    return RedirectResponse(f"{ROOT}/tutorial", 303)


async def watch(request: Request) -> Response:
    """The steps, as they go."""
    ask = asking(request)
    walk, following = await tutorial.walks(ask)

    async def seen() -> tuple[Mapping[str, str], bool]:
        known = await _known(request, ask, walk or following)
        text = fragment(request, "tutorial/steps.html", following=following, **known)
        return {"steps": text}, known["busy"]

    return live.stream(request, seen)


async def answers(request: Request) -> Response:
    """What the endpoint says of claims that the model has not seen, beside what came of them."""
    ask = asking(request)
    walk, _ = await tutorial.walks(ask)
    if walk is None:
        raise HTTPException(404)
    found = await ask("s3", "GetObject", Bucket=walk, Key="test/rows.csv")
    rows = [line.partition(",") for line in (await _whole(found["Body"])).decode().splitlines()[:ASKED]]
    sent = "\n".join(row for _, _, row in rows)
    answer = await ask(
        "sagemaker-runtime",
        "InvokeEndpoint",
        EndpointName=walk,
        ContentType="text/csv",
        Accept="application/json",
        Body=sent.encode(),
    )
    told = json.loads(await _whole(answer["Body"]))["predictions"]
    asked = [
        (float(label) == 1, one["score"], one["predicted_label"] == 1, row)
        for (label, _, row), one in zip(rows, told, strict=True)
    ]
    return HTMLResponse(fragment(request, "tutorial/answers.html", asked=asked))


async def _whole(body: bytes | AsyncIterator[bytes]) -> bytes:
    return body if isinstance(body, bytes) else b"".join([part async for part in body])


async def _known(request: Request, ask: Asking, walk: str | None) -> dict[str, Any]:
    """What the page shows of a walk, and whether that may still change by itself."""
    walker = _walker(request)
    seen = await tutorial.look(ask, walk) if walk else tutorial.Seen()
    going = walk is not None and walker.walking(walk)
    problem = seen.failure or (walker.problem(walk) if walk else "")
    return {
        "walk": walk,
        "seen": seen,
        "due": tutorial.due(seen),
        "problem": problem,
        "going": going,
        "busy": going or (walk is not None and not tutorial.due(seen) and not seen.done and not problem),
        "missing": tutorial.missing(),
    }


def _walker(request: Request) -> tutorial.Walker:
    return request.app.state.walker


ROUTES = [
    Route("/tutorial", show),
    Route("/tutorial", start, methods=["POST"]),
    Route("/tutorial/live", watch),
    Route("/tutorial/answers", answers, methods=["POST"]),
]
