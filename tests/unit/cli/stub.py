"""`potager`, with an app of a few lines in the gateway's place: what the command does is not the gateway's business.

Answers every request with what it received, as JSON; POTAGER_STUB=broken makes its startup fail.
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

from potager.cli.main import main


def create(settings: Any, keys: Any, url: str, trust: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        else:
            await echo(scope, receive, send)

    async def admits(user: str, password: str) -> bool:
        return (user, password) == ("job", "token")

    app.admits = admits  # type: ignore[attr-defined]
    return app


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    if os.environ.get("POTAGER_STUB") == "broken":
        await send({"type": "lifespan.startup.failed", "message": "the stub is broken"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    told = {"method": scope["method"], "path": scope["path"], "headers": headers, "size": len(body)}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


if __name__ == "__main__":
    stub = ModuleType("potager.gateway.app")
    stub.create = create  # type: ignore[attr-defined]
    sys.modules["potager.gateway.app"] = stub
    import potager.cli.child as child

    child.PROGRAM = (sys.executable, os.path.abspath(__file__))
    main()
