"""A server of the user's own that holds many models, by AWS's contract for multi-model containers.

    load    POST /models {"model_name", "url"}       unload   DELETE /models/{model_name}
    request POST /models/{model_name}/invoke

`model_name` is a name that the platform makes; the client's TargetModel is in `X-Amzn-SageMaker-Target-Model`. The
status 507 says that memory is short: others are unloaded, and it is asked again.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from potager.images.own_server import serve
from potager.images.own_server.bridge import AT_ONCE, Answered, Bridge
from potager.kernel.prediction import Answer, Query


class NotLoaded(Exception):
    """A request for a model that is not there: the platform asks for those only that it had loaded."""

    status = 404


class Many:
    """The models that a server holds, by the names that clients know."""

    at_once = AT_ONCE

    def __init__(self, ml: Path, bridge: Bridge) -> None:
        self._ml, self._bridge = ml, bridge
        self._ids: dict[str, str] = {}

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Of no model: a request has to name one."""
        answer = self.answer(Query(body, content_type, accept))
        return answer.body, answer.content_type

    def answer(self, query: Query) -> Answer:
        """The server's answer for the model that the request names."""
        if query.model not in self._ids:
            raise NotLoaded(f"The model '{query.model}' is not loaded.")
        return self._bridge.post(f"/models/{self._ids[query.model]}/invoke", query)

    def health(self) -> str:
        """The server's, as `Bridge.health`."""
        return self._bridge.health()

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        """Does what the platform orders, as `images/many_models` does."""
        match order["do"]:
            case "load":
                body = {"model_name": order["id"], "url": str(self._ml / order["folder"])}
                self._asked("POST", "/models", 409, json.dumps(body).encode())
                self._ids[order["name"]] = order["id"]
            case "unload":
                if self._ids.get(order["name"]) == order["id"]:
                    del self._ids[order["name"]]
                self._asked("DELETE", f"/models/{order['id']}", 404)
            case "list":
                return {"models": self._ids}
            case other:
                raise ValueError(f"There is no order '{other}'.")
        return {}

    def _asked(self, method: str, path: str, fine: int, body: bytes = b"") -> None:
        """Asks for something that is there already, or gone already, where the server says so by the status `fine`."""
        try:
            self._bridge.exchange(method, path, body, {"Content-Type": "application/json"})
        except Answered as answered:
            if answered.status != fine:
                raise


def load(model: Path) -> Many:
    """Starts the program, as `serve.load` does."""
    return Many(model.parent, serve.load(model))
