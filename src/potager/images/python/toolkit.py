"""The few names that scripts import from AWS's toolkits, for where these are not installed.

`sagemaker_containers.beta.framework` (content_types, encoders, errors, worker) and `sagemaker_inference`
(content_types, decoder, encoder, errors): what they promise to a serving script, no more. Their other modules are there
and empty, because scripts import them by habit.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

from potager.images.python import formats
from potager.images.python.errors import Refused

_TYPES: dict[str, Any] = {
    "CSV": formats.CSV,
    "JSON": formats.JSON,
    "NPY": formats.NPY,
    "ANY": formats.ANY,
    "OCTET_STREAM": "application/octet-stream",
    "UTF8_TYPES": list(formats.TEXTS),
}


class Response:
    """`worker.Response`: a body, its media type and a status."""

    def __init__(
        self, response: Any = None, accept: str | None = None, status: int = 200, mimetype: str | None = None, **_: Any
    ) -> None:
        self.response, self.status_code, self.mimetype = response, status, mimetype or accept or formats.JSON

    def get_data(self) -> Any:
        """The body."""
        return b"" if self.response is None else self.response


class UnsupportedFormatError(Refused):
    """`errors.UnsupportedFormatError`: 415."""

    def __init__(self, content_type: str, **_: Any) -> None:
        super().__init__(f"Content type '{content_type}' is not supported.", 415)


def encode(array_like: Any, content_type: str) -> bytes | str:
    """The encoder's `encode`: text for CSV and JSON, bytes for NPY."""
    body, kind = formats.encode(array_like, content_type)
    return body.decode() if kind in formats.TEXTS else body


def provide() -> None:
    """Makes the names importable, each package only where it is not installed."""
    coder = {"encode": encode, "decode": formats.decode}
    package("sagemaker_containers", {})
    package("sagemaker_containers.beta", {})
    package(
        "sagemaker_containers.beta.framework",
        {
            "content_types": _TYPES,
            "encoders": coder,
            "worker": {"Response": Response},
            "errors": {"UnsupportedFormatError": UnsupportedFormatError},
            "env": {},
            "modules": {},
            "transformer": {},
            "server": {},
        },
    )
    errors = {"UnsupportedFormatError": UnsupportedFormatError}
    types = {"content_types": _TYPES, "encoder": coder, "decoder": coder, "errors": errors, "utils": {}}
    package("sagemaker_inference", types)


def package(name: str, modules: dict[str, dict[str, Any]]) -> None:
    """Makes a package importable that is not installed: its modules, and the names in each."""
    root = name.partition(".")[0]
    if not isinstance(sys.modules.get(root), _Stand) and (root in sys.modules or importlib.util.find_spec(root)):
        return
    stand = _Stand(name)
    stand.__path__ = []
    _put(stand)
    for part, names in modules.items():
        module = _Stand(f"{name}.{part}")
        module.__dict__.update(names)
        _put(module)


class _Stand(ModuleType):
    """A module that stands in for one that is not installed."""


def _put(module: ModuleType) -> None:
    sys.modules[module.__name__] = module
    parent, _, name = module.__name__.rpartition(".")
    if parent:
        setattr(sys.modules[parent], name, module)
