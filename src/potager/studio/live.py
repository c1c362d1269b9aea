"""What is live: server-sent events that carry a fragment of a page each time that it looks different.

    <div hx-ext="sse" sse-connect="{{ root }}/training-jobs/{{ name }}/live" sse-close="end">
      <div sse-swap="status">...</div>
    </div>

A page's function renders the fragments; here they are asked for once a second, sent where they changed, and the stream
ends when the function says that nothing will change any more, when what it is about is gone, when the person has signed
out, when the browser goes, or when the server stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import StreamingResponse

from potager.kernel.errors import WireError
from potager.studio.signin import SignIn

EVERY = 1.0
"""Seconds between two looks."""
SILENCE = 15
"""Looks without news after which a comment is sent, so that nobody between takes the stream for dead."""

Fragments = Callable[[], Awaitable[tuple[Mapping[str, str], bool]]]
"""The fragments by the name of their event, and whether they may still change."""


def stream(request: Request, look: Fragments, every: float = EVERY) -> StreamingResponse:
    """The answer that goes on for as long as there is something to tell."""
    closing: asyncio.Event = request.app.state.closing
    signin: SignIn = request.app.state.signin
    events = _events(look, every, closing, lambda: signin.lasts(request.state.person))
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(
    look: Fragments, every: float, closing: asyncio.Event, lasts: Callable[[], bool]
) -> AsyncIterator[str]:
    last: dict[str, str] = {}
    quiet = 0
    while not closing.is_set():
        found: Mapping[str, str] = {}
        more = False
        with suppress(WireError):
            if lasts():
                found, more = await look()
        news = {name: text for name, text in found.items() if last.get(name) != text}
        for name, text in news.items():
            yield event(name, text)
        last |= news
        if not more:
            yield event("end", "")
            return
        quiet = 0 if news else quiet + 1
        if quiet >= SILENCE:
            quiet = 0
            yield ": still here\n\n"
        try:
            await asyncio.wait_for(closing.wait(), every)
        except TimeoutError:
            continue


def event(name: str, text: str) -> str:
    """One event as it goes over the wire."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
