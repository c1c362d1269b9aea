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
from potager.kernel.errors import Invalid
from potager.wire.message import Request, Response


class Stub:
    async def open(self) -> None:
        if os.environ.get("POTAGER_STUB") == "broken":
            raise Invalid("the stub is broken")

    def leave(self) -> None:
        pass

    async def close(self) -> None:
        """Nothing was opened."""

    async def answer(self, request: Request) -> Response:
        size = len(await request.body.read(2**30))
        told = {"method": request.method, "path": request.path, "headers": dict(request.headers), "size": size}
        return Response(200, [("content-type", "application/json")], json.dumps(told).encode())

    async def admits(self, user: str, password: str) -> bool:
        return (user, password) == ("job", "token")


def create(settings: Any, keys: Any, url: str, trust: Any, pages: Any) -> Stub:
    return Stub()


if __name__ == "__main__":
    stub = ModuleType("potager.gateway.app")
    stub.create = create  # type: ignore[attr-defined]
    sys.modules["potager.gateway.app"] = stub
    import potager.cli.child as child

    child.PROGRAM = (sys.executable, os.path.abspath(__file__))
    main()
