"""What a script's functions get as their argument `context`: where the model is, what was asked, what goes back beside.

As AWS's toolkits have it (https://github.com/awslabs/multi-model-server/blob/master/mms/context.py). Functions are
called for one request at a time, so `idx`, the number of a request in a batch, is 0 and passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.images.python.errors import Refused, ScriptFailed
from potager.kernel import prediction
from potager.kernel.prediction import Answer, Query

MOST = 1024
"""Characters of CustomAttributes, as on AWS."""


class Headers(Mapping[str, str]):
    """The headers of a request, by their names in any case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._names = {name.lower(): name for name in headers}

    def __getitem__(self, name: str) -> str:
        return self._headers[self._names[name.lower()]]

    def __iter__(self) -> Any:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


class Context:
    """The context of one model's functions; `begin` and `answer` are for whoever calls them.

    Attributes
    ----------
    system_properties : `model_dir`, and `gpu_id`, which is None.
    model_name : of a multi-model container the TargetModel, else "model".
    manifest, metrics : there and empty, for scripts that look.
    """

    def __init__(self, model: Path) -> None:
        self.system_properties: dict[str, Any] = {"model_dir": str(model), "gpu_id": None, "batch_size": 1}
        self.model_name = "model"
        self.manifest: dict[str, Any] = {}
        self.metrics = None
        self._headers = Headers({})
        self._fresh()

    def _fresh(self) -> None:
        self._kind, self._status, self._phrase = "", 200, ""
        self._answered: dict[str, str] = {}

    def begin(self, query: Query) -> None:
        """A request comes."""
        self._headers = Headers(query.headers)
        self.model_name = query.model or "model"
        self._fresh()

    def answer(self, body: bytes, kind: str) -> Answer:
        """What is answered, with what the script has set; `Refused` where it has set a status of 400 or above."""
        if self._status >= 400:
            raise Refused(body.decode("utf-8", "replace") or self._phrase, min(self._status, 599))
        attributes = " ".join(Headers(self._answered).get(prediction.ATTRIBUTES, "").split())
        if len(attributes) > MOST or not attributes.isascii():
            raise ScriptFailed(
                f"The script answers CustomAttributes of {len(attributes)} characters; {MOST} of ASCII may be."
            )
        return Answer(body, self._kind or kind, attributes)

    @property
    def request_processor(self) -> list[Context]:
        """The requests of the batch: this one."""
        return [self]

    def get_request_id(self, idx: int = 0) -> str:
        """InferenceId, "" where the client gave none."""
        return self._headers.get(prediction.INFERENCE_ID, "")

    def get_request_header(self, idx: int, key: str) -> str | None:
        """One header of the request, None where it has none of that name."""
        return self._headers.get(key)

    def get_all_request_header(self, idx: int = 0) -> dict[str, str]:
        """All headers of the request."""
        return dict(self._headers)

    def get_request_property(self, key: str) -> str | None:
        """The same as `get_request_header`, of a `request_processor`."""
        return self._headers.get(key)

    def get_request_properties(self) -> dict[str, str]:
        """The same as `get_all_request_header`, of a `request_processor`."""
        return dict(self._headers)

    def set_response_content_type(self, idx: int, value: str) -> None:
        """The answer's content type, before what the functions return."""
        self._kind = value

    def get_response_content_type(self, idx: int = 0) -> str:
        """What was set."""
        return self._kind

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """The answer's status: from 400 on the request has failed, and the body is its message."""
        self._status, self._phrase = code, phrase

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """The same, of the whole batch."""
        self.set_response_status(code, phrase)

    def report_status(self, code: int, reason_phrase: str = "") -> None:
        """The same, of a `request_processor`."""
        self.set_response_status(code, reason_phrase)

    def get_response_status(self, idx: int = 0) -> tuple[int, str]:
        """What was set."""
        return self._status, self._phrase

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """A header of the answer; the client gets `X-Amzn-SageMaker-Custom-Attributes`, as CustomAttributes."""
        self._answered[key] = str(value)

    def add_response_property(self, key: str, value: str) -> None:
        """The same, of a `request_processor`."""
        self.set_response_header(0, key, value)

    def get_response_headers(self, idx: int = 0) -> dict[str, str]:
        """What was set."""
        return dict(self._answered)
