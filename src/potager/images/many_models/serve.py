"""The way into a worker of many models: it begins with none, and the platform says which to load."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potager.images.many_models.spaces import Space
from potager.kernel.prediction import Answer, Query

VARIABLE = "POTAGER_LOADER"
"""Names what loads one model, `module:function`; `deploy/layout` sets it."""


class NotLoaded(Exception):
    """A request for a model that is not there: the platform asks for those only that it had loaded."""

    status = 404


class CannotLoad(Exception):
    """A model's own code or its library does not load it; the traceback is in the log already."""

    status = 500


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is loaded: under which id, by which predictor, with which modules of its own."""

    id: str
    predictor: Any
    space: Space

    def answer(self, query: Query) -> Answer:
        """Its answer."""
        own: Callable[[Query], Answer] | None = getattr(self.predictor, "answer", None)
        with nullcontext() if self.space.empty else self.space:
            if own is not None:
                return own(query)
            return Answer(*self.predictor.predict(query.body, query.content_type, query.accept))

    def together(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        """The answers of several requests; `NotImplementedError` where it knows no way to be asked so."""
        many: Callable[[Sequence[Query]], list[Answer | Exception]] | None
        many = getattr(self.predictor, "predict_many", None)
        if many is None:
            raise NotImplementedError
        with nullcontext() if self.space.empty else self.space:
            return many(queries)


class Many:
    """The models of one worker, by their names. Orders come in one thread, requests in another."""

    def __init__(self, ml: Path, load: Callable[[Path], Any]) -> None:
        self._ml, self._load = ml, load
        self._models: dict[str, Loaded] = {}

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Of no model: a request has to name one."""
        answer = self.answer(Query(body, content_type, accept))
        return answer.body, answer.content_type

    def answer(self, query: Query) -> Answer:
        """The answer of the model that the request names."""
        return self._named(query).answer(query)

    def predict_many(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        """The answers of requests for one model."""
        return self._named(queries[0]).together(queries)

    def _named(self, query: Query) -> Loaded:
        found = self._models.get(query.model)
        if found is None:
            raise NotLoaded(f"The model '{query.model}' is not loaded.")
        return found

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        """Does what the platform orders.

        `{"do": "load", "name", "id", "folder"}`, the folder below /opt/ml; `{"do": "unload", "name", "id"}`;
        `{"do": "list"}`, answered by `{"models": {name: id}}`. Whatever is wrong with a model raises.
        """
        match order["do"]:
            case "load":
                self._models[order["name"]] = self._loaded(order["id"], self._ml / order["folder"])
            case "unload":
                if order["name"] in self._models and self._models[order["name"]].id == order["id"]:
                    del self._models[order["name"]]
                tidy()
            case "list":
                return {"models": {name: loaded.id for name, loaded in self._models.items()}}
            case other:
                raise ValueError(f"There is no order '{other}'.")
        return {}

    def _loaded(self, known: str, folder: Path) -> Loaded:
        space = Space(folder.parent)
        try:
            with space:
                return Loaded(known, self._load(folder), space)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            raise CannotLoad(f"{type(error).__name__}: {error}") from None


def tidy() -> None:
    """Gives the memory of what was dropped back to the machine, as far as its allocator can."""
    gc.collect()
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def load(model: Path) -> Many:
    """A worker's models, none yet."""
    module, _, name = os.environ.pop(VARIABLE).partition(":")
    print(f"{name} of {module} loads each model when it is asked for first", file=sys.stdout, flush=True)
    return Many(model.parent, getattr(importlib.import_module(module), name))
