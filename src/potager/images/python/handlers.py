"""A script's functions, with the defaults of its image where it has none, and the predictor that they make.

    body ─► input_fn(body, content_type) ─► predict_fn(data, model) ─► output_fn(prediction, accept) ─► answer
        └───────────────────── transform_fn(model, body, content_type, accept) ─────────────────────┘

A function that takes one more positional argument gets a context, as with AWS's toolkit (`context.py`).
"""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from potager.images.python import formats
from potager.images.python.answers import answered, parted
from potager.images.python.context import Context
from potager.images.python.errors import BrokenModel, BrokenScript, Refused, ScriptFailed
from potager.kernel.prediction import Answer, Query

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """An `input_fn` and a `predict_fn` that know each other.

    of_any_input : whether the latter takes what a script's own `input_fn` gives, too.
    apart : whether a row's prediction depends on that row alone, so that requests may be answered together.
    """

    input_fn: Function
    predict_fn: Function
    of_any_input: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions that serve a model. As an image's defaults, `model_fn` is None where only a script can load.

    content_type, accept : what a request has that does not say.
    quicken : makes of a loaded model an `input_fn` and a `predict_fn` that together answer as those above, and sooner;
        None where there is nothing to gain. Asked where a script has no `predict_fn`.
    context : what the functions get that take one; None where none does.
    """

    model_fn: Function | None
    predict_fn: Function
    input_fn: Function = formats.decode
    output_fn: Function = formats.encode
    transform_fn: Function | None = None
    content_type: str = formats.JSON
    accept: str = formats.JSON
    quicken: Callable[[Any], Steps | None] | None = None
    context: Context | None = None


class Predictor:
    """One loaded model and the functions that serve it.

    answer : answers a whole request, where a function asks for more of it than its body; else None.
    predict_many : answers several requests at once, where that comes out the same; else None.
    """

    def __init__(self, functions: Functions, model: Any, *, apart: bool = False) -> None:
        self._functions, self._model = functions, model
        self._transform = functions.transform_fn or self._in_steps
        self._accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or functions.accept
        self.answer: Callable[[Query], Answer] | None = functions.context and self._in_context
        together = self._together if apart and not functions.context else None
        self.predict_many: Callable[[Sequence[Query]], list[Answer]] | None = together

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The answer and its content type. A request that does not say both has the defaults of its image.

        `Refused` for a request that cannot be answered, `ScriptFailed` where the user's code failed.
        """
        result, accept = self._result(body, content_type, accept)
        if streamed := parted(result, accept):
            return b"".join(_careful(streamed[0])), streamed[1]
        return answered(result, accept)

    def stream(self, query: Query) -> tuple[Answer, Iterator[bytes]]:
        """The answer without its body, and the parts of that: one, unless the user's code gives an iterator."""
        if context := self._functions.context:
            context.begin(query)
        result, accept = self._result(query.body, query.content_type, query.accept)
        if streamed := parted(result, accept):
            parts, kind = _careful(streamed[0]), streamed[1]
        else:
            body, kind = answered(result, accept)
            parts = iter((body,))
        return context.answer(b"", kind) if context else Answer(b"", kind), parts

    def _result(self, body: bytes, content_type: str, accept: str) -> tuple[Any, str]:
        """What the functions return, and what was to be accepted."""
        content_type, accept = self._said(content_type, accept)
        return self._transform(self._model, formats.content(body, content_type), content_type, accept), accept

    def _said(self, content_type: str, accept: str) -> tuple[str, str]:
        kind = content_type or self._functions.content_type
        return kind, self._accept if accept.strip() in ("", formats.ANY) else accept

    def _together(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests that are alike but for their rows; `ValueError` where these do not make a table."""
        content_type, accept = self._said(queries[0].content_type, queries[0].accept)
        tables = [self._functions.input_fn(formats.content(one.body, content_type), content_type) for one in queries]
        ends = list(accumulate(len(table) for table in tables))
        if any(not isinstance(table, np.ndarray) or table.ndim != 2 for table in tables):  # type: ignore[reportUnknownMemberType]
            raise ValueError("not all requests hold a table")
        found = self._functions.predict_fn(np.concatenate(tables), self._model)
        parts = [found[end - len(table) : end] for table, end in zip(tables, ends, strict=True)]
        return [Answer(*answered(self._functions.output_fn(part, accept), accept)) for part in parts]

    def _in_context(self, query: Query) -> Answer:
        context = self._functions.context
        assert context is not None
        context.begin(query)
        return context.answer(*self.predict(query.body, query.content_type, query.accept))

    def _in_steps(self, model: Any, body: bytes | str, content_type: str, accept: str) -> Any:
        data = self._functions.input_fn(body, content_type)
        return self._functions.output_fn(self._functions.predict_fn(data, model), accept)


def functions(script: ModuleType | None, defaults: Functions, model: Path) -> Functions:
    """The script's functions before the defaults. `BrokenScript` for a script that cannot serve."""
    if script is None:
        return defaults
    context, asked = Context(model), list[str]()

    def own(name: str, arguments: int) -> Function | None:
        function = getattr(script, name, None)
        if function is None:
            return None
        fitted = _fitted(name, function, arguments, context)
        asked.extend([name] if fitted is not function else [])
        return _guarded(fitted)

    steps = {name: own(name, 2) for name in ("input_fn", "predict_fn", "output_fn")}
    transform = own("transform_fn", 4)
    if transform is not None and (mixed := [name for name, step in steps.items() if step]):
        raise BrokenScript(f"The script has transform_fn and {', '.join(mixed)}. Keep transform_fn, or the others.")
    loader = getattr(script, "model_fn", None)
    return Functions(
        model_fn=defaults.model_fn if loader is None else _fitted("model_fn", loader, 1, context),
        input_fn=steps["input_fn"] or defaults.input_fn,
        predict_fn=steps["predict_fn"] or defaults.predict_fn,
        output_fn=steps["output_fn"] or _passing(defaults.output_fn),
        transform_fn=transform,
        content_type=defaults.content_type,
        accept=defaults.accept,
        context=context if asked else None,
    )


def _fitted(name: str, function: Any, arguments: int, context: Any) -> Function:
    """The function to be called with `arguments` arguments; `BrokenScript` when it cannot be."""
    if not callable(function):
        raise BrokenScript(f"{name} of the script is no function.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return function
    if _takes(signature, arguments + 1) and (not _takes(signature, arguments) or "context" in signature.parameters):
        return lambda *given: function(*given, context)
    if not _takes(signature, arguments):
        raise BrokenScript(f"{name}{signature} of the script is called with {arguments} arguments.")
    return function


def _takes(signature: inspect.Signature, arguments: int) -> bool:
    try:
        signature.bind(*range(arguments))
    except TypeError:
        return False
    return True


def _guarded(function: Function) -> Function:
    """The user's function, whose exceptions become `ScriptFailed`, logged from the user's own line on."""

    def call(*given: Any) -> Any:
        try:
            return function(*given)
        except Refused:  # raised by the toolkit's decoders, which say it best
            raise
        except Exception as error:
            raise failed(error) from None

    return call


def _passing(output_fn: Function) -> Function:
    """An image's `output_fn`, which leaves the iterator of a `predict_fn` as it is."""

    def output(prediction: Any, accept: str) -> Any:
        return cast("Any", prediction) if isinstance(prediction, Iterator) else output_fn(prediction, accept)

    return output


def _careful(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts that the user's code makes, whose exceptions become `ScriptFailed`."""
    try:
        yield from parts
    except (Refused, ScriptFailed):
        raise
    except Exception as error:
        raise failed(error) from None


def failed(error: Exception) -> ScriptFailed:
    """What to raise for an exception of the user's; its traceback goes to the log here."""
    inner = error.__traceback__ and error.__traceback__.tb_next
    traceback.print_exception(type(error), error, inner or error.__traceback__)
    status: object = getattr(error, "status_code", None)
    fits = isinstance(status, int) and 400 <= status < 600
    return ScriptFailed(f"{type(error).__name__}: {error}", status if fits else 500)  # type: ignore[arg-type]


def predict(data: Any, model: Any) -> Any:
    """The plain image's `predict_fn`: the model's own `predict`."""
    if not hasattr(model, "predict"):
        raise ScriptFailed(f"A model of type {type(model).__name__} has no predict. Write a predict_fn.")
    try:
        return model.predict(data)
    except Exception as error:
        raise failed(error) from None


def loaded(model: Path, script: ModuleType | None, defaults: Functions) -> Predictor:
    """The predictor of a model folder and a script."""
    served = functions(script, defaults, model)
    if served.model_fn is None:
        remedy = (
            "Write model_fn(model_dir) in code/inference.py of the artifact, or name a script by SAGEMAKER_PROGRAM."
        )
        raise BrokenModel(f"The plain Python image cannot load a model by itself. {remedy}")
    return _quickened(served, defaults, served.model_fn(str(model)))


def _quickened(served: Functions, defaults: Functions, model: Any) -> Predictor:
    """The predictor, by quicker steps where the image has some and the script none in their place."""
    own_input = served.input_fn is not defaults.input_fn
    plain = served.transform_fn is None and served.predict_fn is defaults.predict_fn
    steps = defaults.quicken(model) if defaults.quicken and plain else None
    if steps is None or (own_input and not steps.of_any_input):
        return Predictor(served, model)
    input_fn = served.input_fn if own_input else steps.input_fn
    return Predictor(
        replace(served, input_fn=input_fn, predict_fn=steps.predict_fn), model, apart=steps.apart and not own_input
    )
