"""Where things of a bucket are shown, and what a request names."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.datastructures import FormData
from starlette.requests import Request

from potager.kernel.errors import WireError
from potager.studio.safety import ROOT
from potager.studio.views import quoted


def address(bucket: str, part: str = "", **query: str | None) -> str:
    """A page about a bucket: `address("claims", "object", key="a/b.csv")`; what is None or "" is left out."""
    told = "&".join(f"{name}={quoted(value)}" for name, value in query.items() if value)
    return f"{ROOT}/data/{quoted(bucket)}" + (f"/{part}" if part else "") + (f"?{told}" if told else "")


def bucket_of(request: Request) -> str:
    """The bucket that the address names."""
    return request.path_params["bucket"]


def key_of(request: Request) -> str:
    """The key that the address names; `InvalidRequest` without one."""
    return checked(request.query_params.get("key", ""))


def keys_of(form: FormData, field: str) -> list[str]:
    """The keys that a form carries."""
    return [checked(unquote(str(value))) for value in form.getlist(field)]


def checked(key: str) -> str:
    """The key, if one can be asked for."""
    if not key or "\0" in key:
        raise WireError("InvalidRequest", "A key has at least one character, and no NUL character.")
    return key


def folder_of(key: str) -> str:
    """The folder that a key, or a folder, is in: `a/b/` of `a/b/c.csv`, `a/` of `a/b/`, "" at the top."""
    return key[: key.rstrip("/").rfind("/") + 1] if key.strip("/") else key[:-1]


def name_in(key: str, folder: str) -> str:
    """What is left of a key below its folder."""
    return key.removeprefix(folder) or key


def trail(prefix: str) -> list[tuple[str, str]]:
    """The folders on the way to a prefix, as (folder, name): `a//b/` is `a/`, `a//`, `a//b/`."""
    parts = prefix.split("/")[:-1]
    return [("/".join(parts[: index + 1]) + "/", part or "(no name)") for index, part in enumerate(parts)]
