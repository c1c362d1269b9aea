"""Reads the settings: an option wins over its `POTAGER_*` variable, that over a line of the file, that over a default.

The file is TOML: what `--config` or POTAGER_CONFIG names, else `potager.toml` in the data folder when it is there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from potager.kernel.errors import Invalid
from potager.kernel.settings import Setting, Settings, declared

FILE = "potager.toml"

F = TypeVar("F", bound=Callable[..., Any])
Texts = Mapping[str, str | None]


def load(options: Texts, environ: Mapping[str, str]) -> Settings:
    """The settings in force.

    Parameters
    ----------
    options : the options given, by the settings' names (`access_key_id`), and `config`; None for what was not given.
    environ : the environment's variables.
    """
    data = folder(options, environ)
    lines = _file(options, environ, data)
    values = {each.name: _pick(each, options, environ, lines) for each in declared()}
    return Settings(**{name: value for name, value in values.items() if value is not None} | {"data": data})


def folder(options: Texts, environ: Mapping[str, str]) -> Path:
    """The data folder, by the same precedence; a line `data` counts only in a file named outright."""
    setting = next(each for each in declared() if each.name == "data")
    named = _named(options, environ)
    chosen: Path | None = _pick(setting, options, environ, _read(named) if named else {})
    return chosen or setting.read(setting.default)


def _pick(setting: Setting, options: Texts, environ: Mapping[str, str], lines: Mapping[str, tuple[str, str]]) -> Any:
    option = options.get(setting.name)
    if option is not None:
        return setting.value(option, setting.option)
    if text := environ.get(setting.variable):
        return setting.value(text, setting.variable)
    if setting.name in lines:
        text, source = lines[setting.name]
        return setting.value(text, source)
    return None


def _named(options: Texts, environ: Mapping[str, str]) -> Path | None:
    text = options.get("config") or environ.get("POTAGER_CONFIG")
    return Path(text).expanduser() if text else None


def _file(options: Texts, environ: Mapping[str, str], data: Path) -> dict[str, tuple[str, str]]:
    if named := _named(options, environ):
        return _read(named)
    own = data / FILE
    lines = _read(own) if own.is_file() else {}
    if "data" in lines:
        raise Invalid(f"{own}: 'data' cannot stand in the data folder's own file. Use --data or POTAGER_DATA.")
    return lines


def _read(path: Path) -> dict[str, tuple[str, str]]:
    """Each key's text, and where it stands for a message."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Invalid(f"{path}: cannot read the settings: {error.strerror}.") from error
    except ValueError as error:
        raise Invalid(f"{path}: not a TOML file: {error}") from error
    return {key: (_text(path, key, value), f"{path}, {key}") for key, value in content.items()}


def _text(path: Path, key: str, value: object) -> str:
    known = [each.name for each in declared()]
    if key not in known:
        raise Invalid(f"{path}: unknown key '{key}'{_meant(key, known)}. Keys: {', '.join(known)}.")
    flag = next(each for each in declared() if each.name == key).flag
    if (isinstance(value, bool) != flag and not isinstance(value, str)) or not isinstance(value, str | int):
        raise Invalid(f"{path}: {key} = {value!r} is not {_kind(flag)}. Put the value in quotes.")
    return str(value)


def _kind(flag: bool) -> str:
    return "true or false" if flag else "a text or a whole number"


def _meant(key: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.replace("-", "_"), known, 1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def options(function: F) -> F:
    """Gives a command an option for each setting, and `--config`."""
    for each in reversed(declared()):
        shown = f"{each.help} [default: {each.default or each.absent}; {each.variable}]"
        kind: Any = {"is_flag": False, "flag_value": "yes"} if each.flag else {}
        metavar = "[yes|no]" if each.flag else each.name.rpartition("_")[2].upper()
        function = click.option(each.option, each.name, help=shown, metavar=metavar, **kind)(function)
    return click.option(
        "--config",
        metavar="FILE",
        help=f"Read settings from FILE. [default: {FILE} in the data folder; POTAGER_CONFIG]",
    )(function)


def data_option(function: F) -> F:
    """Gives a command `--data`."""
    shown = "The data folder. [default: ~/.potager; POTAGER_DATA]"
    return click.option("--data", metavar="DIR", help=shown)(function)


def place_options(function: F) -> F:
    """Gives a command what says where a server keeps things: `--data`, `--database` and `--config`."""
    shown = "Where its rows are kept. [default: sqlite; POTAGER_DATABASE]"
    function = click.option("--database", metavar="URL", help=shown)(function)
    function = click.option("--config", metavar="FILE", help="Read settings from FILE. [POTAGER_CONFIG]")(function)
    return data_option(function)
