"""Templates, and how values are shown in them: times, sizes, statuses, names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from potager.studio.resources import RESOURCES, STAGES
from potager.studio.safety import ROOT

GOOD = ("Completed", "InService", "Succeeded", "Enabled", "OK")
BAD = ("Failed", "OutOfService", "RollingBack", "UpdateRollbackFailed", "ALARM")
UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
ACRONYMS = {"arn": "ARN", "id": "ID", "kms": "KMS", "uri": "URI", "url": "URL", "vpc": "VPC"}
"""Words of members' names that are read letter by letter."""


class Views:
    """Renders templates.

    Parameters
    ----------
    folder : where they are.
    common : what every page may show beside its own values.
    """

    def __init__(self, folder: Path, **common: Any) -> None:
        environment: Any = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {
            "moment": moment,
            "tone": tone,
            "words": words,
            "coded": coded,
            "document": document,
            "size": size,
            "span": span,
            "visible": visible,
            "quoted": quoted,
        }
        common |= {"root": ROOT, "static": f"{ROOT}/static", "resources": RESOURCES, "stages": STAGES}
        environment.globals |= common
        self._environment, self._common = environment, frozenset(common)

    def text(self, request: Request, template: str, **values: Any) -> str:
        """A page, or a fragment of one, as the person sees it."""
        person = request.state.person
        token = request.app.state.signin.form_token(person) if person else ""
        known = {"person": person, "form_token": token, "path": request.url.path, "query": request.query_params}
        if taken := values.keys() & (self._common | known.keys()):
            raise ValueError(f"{template} cannot have {', '.join(sorted(taken))}: every page has its own of that name")
        return self._environment.get_template(template).render(**known, **values)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The answer with a page.

    Every template knows `root`, `static`, `path`, `query`, `person`, `form_token`, and what the frame shows: `places`,
    `stages`, `resources`, `version`. No value may have one of these names.
    """
    return HTMLResponse(request.app.state.views.text(request, template, **values), status)


def fragment(request: Request, template: str, **values: Any) -> str:
    """A piece of a page, for `live.stream`."""
    return request.app.state.views.text(request, template, **values)


def wanted(request: Request) -> bool:
    """Whether htmx asks, and wants no whole page."""
    return "hx-request" in request.headers and "hx-boosted" not in request.headers


def moment(value: Any) -> Markup:
    """A time; the browser shows it in the reader's zone (`static/studio.js`)."""
    if value is None or value == "":
        return Markup("")
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M UTC"))


def size(value: Any) -> str:
    """Bytes for reading: `1.5 MB`, in powers of 1,000."""
    amount, unit = float(value), 0
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {UNITS[unit]}" if amount >= 99.5 or not unit else f"{amount:.3g} {UNITS[unit]}"


def span(value: Any) -> str:
    """Seconds for reading: `3 min 5 s`."""
    if value is None:
        return ""
    seconds = float(value)
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def tone(status: str) -> str:
    """good, bad, busy or still: the colour of a status, which is never said by colour alone."""
    if status in GOOD:
        return "good"
    if status in BAD or "Fail" in status:
        return "bad"
    return "busy" if status.endswith("ing") or status == "InProgress" else "still"


def words(name: str) -> str:
    """A member's name for reading: `TrainingJobStatus` is `Training job status`."""
    out = ""
    for before, letter, after in zip(" " + name, name, name[1:] + " ", strict=False):
        starts = letter.isupper() and (before.islower() or before.isdigit() or (before.isupper() and after.islower()))
        out += f" {letter.lower() if after.islower() else letter}" if starts else letter
    out = " ".join(ACRONYMS.get(one.lower(), one) for one in out.split(" "))
    return out[:1].upper() + out[1:]


def coded(text: str) -> Markup:
    """A sentence whose `names` stand between backticks, as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in enumerate(parts))


def visible(key: str) -> str:
    """A key as it can be read: what would not be seen stands as a sign, so that two keys never look the same."""
    return "".join(_sign(letter) for letter in key)


def _sign(letter: str) -> str:
    if letter < " ":
        return chr(0x2400 + ord(letter))
    return letter if letter == " " or letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def quoted(key: str) -> str:
    """A key as it goes into an address or a form, which would change its line ends, and gets back as it was."""
    return quote(key, safe="/")


def document(value: Any) -> str:
    """Anything else, as JSON."""
    return json.dumps(value, indent=2, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
