"""The models that one worker has loaded: which are there, which come, which go.

A model comes once, however many requests wait for it, and stays until its memory is needed: then those go that were not
asked for the longest time. None goes while a request of it is under way. Requests for models that are there wait for
none of this; the worker loads in a thread of its own (`compute/process/hands.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, cast

from potager.compute.faults import ModelError, WorkerHung
from potager.deploy.many import place
from potager.kernel import ids
from potager.kernel.errors import Fault, WireError
from potager.kernel.prediction import Answer, Query

log = logging.getLogger(__name__)

LOADING = 180.0
"""Seconds that a worker has to load a model; one that takes longer hangs."""

FULL = 0.8
"""Of a worker's memory, what models and program may take; requests have the rest."""

FOLDER = "models"
"""Where models are below `/opt/ml`, as on AWS: `models/<id>/model`."""

_ID = re.compile("[a-z0-9]+")
"""Ids of models, which name their folders."""

SHORT = 507
"""The status by which a program says that it has no memory for a model."""

Invoke = Callable[[Query, float], Awaitable[Answer]]
Control = Callable[[Mapping[str, Any], float], Awaitable[dict[str, Any]]]
Fetch = Callable[[str, Path], Awaitable[int]]
"""Puts a model into a folder that is not there yet; the bytes that it takes there."""
Note = Callable[[str, float], None]
"""Is told a value of a metric (`metrics.py`)."""


@dataclass(eq=False, slots=True)
class _Model:
    """A model that is there. `users` : requests of it under way."""

    name: str
    id: str
    users: int = 0


class Shelf:
    """The models of one worker.

    Parameters
    ----------
    ml : the worker's folder that it knows as /opt/ml.
    fetch, control : bring a model's files, and tell the worker what to do with them.
    memory : bytes that the worker may have, None for no bound.
    cached : whether a model stays once it has answered (MultiModelConfig.ModelCacheSetting).
    kill : ends a worker that hangs.
    note : is told of AWS's metrics of model loading.
    """

    def __init__(
        self,
        ml: Path,
        fetch: Fetch,
        control: Control,
        memory: int | None,
        *,
        cached: bool = True,
        kill: Callable[[], None] = lambda: None,
        note: Note = lambda name, value: None,
    ) -> None:
        self._folder = ml / FOLDER
        self._fetch, self._control, self._kill, self._note = fetch, control, kill, note
        self._bound = None if memory is None else int(memory * FULL)
        self._cached = cached
        self._models: OrderedDict[str, _Model] = OrderedDict()
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._going: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._resident = 0

    async def take_up(self) -> None:
        """Learns what the worker holds, which an earlier server may have had it load, and clears the rest away."""
        said = await self._control({"do": "list"}, LOADING)
        self._resident = _resident(said)
        self._models.update((name, _Model(name, known)) for name, known in _listed(said).items())
        await place.keep(self._folder, {model.id for model in self._models.values()})

    def holds(self, target: str) -> bool:
        """Whether a model is there, or on its way."""
        return target in self._models or target in self._coming

    async def invoke(self, query: Query, timeout: float, invoke: Invoke) -> Answer:
        """What a model answers, once it is there.

        `ModelNotReadyException` where it is not in time; it comes all the same. `ValidationError` for a request that
        names no model, or one that is not there.
        """
        if (name := place.name(query.model)) != query.model:
            query = replace(query, model=name)
        self._note("ModelCacheHit", float(name in self._models))
        until = monotonic() + timeout
        while (model := self._models.get(name)) is None:  # again, where another model took its place at once
            await self._came(name, until - monotonic())
        self._models.move_to_end(name)
        model.users += 1
        try:
            return await invoke(query, max(until - monotonic(), 0.001))
        finally:
            model.users -= 1
            if not self._cached and not model.users and self._models.get(model.name) is model:
                self._let_go(model)

    async def _came(self, name: str, timeout: float) -> None:
        """Returns once the model has been loaded: by a task of its own, whoever waits for it."""
        task = self._coming.get(name)
        if task is None:
            task = self._coming[name] = asyncio.create_task(self._load(name), name=f"load {name}")
            task.add_done_callback(lambda done: (self._coming.pop(name, None), done.cancelled() or done.exception()))
        began = monotonic()
        try:
            await asyncio.wait_for(asyncio.shield(task), timeout)
        except ModelError as error:  # each who waits has an error of their own, for more is written into it
            raise ModelError(error.fields["OriginalMessage"], error.fields["OriginalStatusCode"]) from error
        except TimeoutError:
            raise WireError(
                "ModelNotReadyException",
                f"The model '{name}' is still being downloaded or loaded. Wait and try your request again.",
                429,
            ) from None
        finally:
            self._note("ModelLoadingWaitTime", (monotonic() - began) * 1e6)

    async def _load(self, name: str) -> None:
        model = _Model(name, f"{hashlib.sha256(name.encode()).hexdigest()[:24]}{ids.short(8)}")
        home = self._folder / model.id
        began = monotonic()
        try:
            size = await self._fetch(name, home)
            fetched = monotonic()
            self._note("ModelDownloadingTime", (fetched - began) * 1e6)
            async with self._turn:
                await self._make_room(size)
                await self._loaded(model)
                self._models[name] = model
                self._note("ModelLoadingTime", (monotonic() - fetched) * 1e6)
                await self._make_room(0, model)
        except Exception as error:
            await place.remove(home)
            if isinstance(error, Fault) and not isinstance(error, WireError):  # its archive is broken
                raise ModelError(f"The model '{name}' cannot be loaded: {error.message}", 500) from error
            raise
        self._note("LoadedModelCount", float(len(self._models)))

    async def _loaded(self, model: _Model) -> None:
        """Has the worker load a model; where it says that memory is short, others go for it, one after another."""
        while True:
            try:
                await self._told({"do": "load", **self._order(model), "folder": f"{FOLDER}/{model.id}/model"})
            except ModelError as error:
                other = self._oldest()
                if error.fields["OriginalStatusCode"] != SHORT or other is None:
                    raise
                await self._unload(other)
            else:
                return

    async def _make_room(self, size: int, but: _Model | None = None) -> None:
        """Unloads those that were not asked for the longest time until there are `size` bytes for one more."""
        if self._bound is not None and size > self._bound:
            raise ModelError(f"The model takes {size} bytes of the {self._bound} that models may have here.", SHORT)
        while self._bound is not None and self._resident + size > self._bound:
            other = self._oldest(but)
            if other is None:
                return
            await self._unload(other)

    def _oldest(self, but: _Model | None = None) -> _Model | None:
        return next((model for model in self._models.values() if not model.users and model is not but), None)

    def _let_go(self, model: _Model) -> None:
        """Unloads a model in the background; from now on it has to come anew."""
        del self._models[model.name]

        async def go() -> None:
            async with self._turn:
                await self._unload(model)

        task = asyncio.create_task(go(), name=f"unload {model.name}")
        self._going.add(task)
        task.add_done_callback(lambda done: (self._going.discard(done), done.cancelled() or done.exception()))

    async def _unload(self, model: _Model) -> None:
        self._models.pop(model.name, None)
        began = monotonic()
        try:
            await self._told({"do": "unload", **self._order(model)})
        except ModelError as error:  # a program that cannot let go of it answers for its memory
            log.warning("the model %s could not be unloaded: %s", model.name, error.message)
        await place.remove(self._folder / model.id)
        self._note("ModelUnloadingTime", (monotonic() - began) * 1e6)
        self._note("LoadedModelCount", float(len(self._models)))

    def _order(self, model: _Model) -> dict[str, str]:
        return {"name": model.name, "id": model.id}

    async def _told(self, order: Mapping[str, Any]) -> None:
        try:
            self._resident = _resident(await self._control(order, LOADING))
        except WorkerHung:
            self._kill()
            raise


def _resident(said: Mapping[str, Any]) -> int:
    """The bytes that a worker says it has; `ModelError` where it says none."""
    resident = said.get("resident")
    if not isinstance(resident, int):
        raise ModelError("The worker does not say how much memory it has.", 500)
    return resident


def _listed(said: Mapping[str, Any]) -> dict[str, str]:
    """The ids of a worker's models by their names: only such as were made here, for they become paths."""
    models: object = said.get("models")
    found = cast("dict[str, object]", models) if isinstance(models, dict) else {"": None}
    if not all(isinstance(known, str) and _ID.fullmatch(known) for known in found.values()):
        raise ModelError("The worker tells of models that nobody has loaded.", 500)
    return cast("dict[str, str]", found)
