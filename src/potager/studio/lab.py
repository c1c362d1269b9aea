"""JupyterLab's page and its scripts: out of the server's own installation, and never from an instance.

    lab, lab/tree/...            the installation's template; what the instance says of itself goes in as data
    static/lab, lab/extensions   the installation's files
    all else                     the instance's, shown without scripts (`NO_SCRIPTS`)

An instance's programs may put themselves in the place of its JupyterLab. What they serve is of Studio's origin, so a
script of theirs would act with the rights of whoever opens it: the policy of the page (`policy`) knows no scripts but
the installation's.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

PARTS = {"static/lab/": "static", "lab/extensions/": "extensions"}
"""What is served here, by the address below the instance's."""
OFF = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/javascript-extension",
)
"""Parts of JupyterLab that ask other machines, that a wall keeps from working, or that run a cell's output."""
NO_SCRIPTS = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
)
_ADDRESSES = {
    "app": "lab",
    "labextensions": "lab/extensions",
    "licenses": "lab/api/licenses",
    "listings": "lab/api/listings",
    "settings": "lab/api/settings",
    "themes": "lab/api/themes",
    "translationsApi": "lab/api/translations",
    "tree": "lab/tree",
    "workspacesApi": "lab/api/workspaces",
}
_DATA = re.compile(rb'<script id="jupyter-config-data" type="application/json">(.*?)</script>', re.DOTALL)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


@cache
def _places() -> dict[str, Path]:
    """Where the installation has its scripts; nothing where there is none."""
    found = importlib.util.find_spec("jupyterlab")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    shared = package.parents[3] / "share" / "jupyter"
    static = shared / "lab" / "static"
    return {
        "static": static if static.is_dir() else package / "static",  # the latter is JupyterLab's "core mode"
        "extensions": shared / "labextensions",
    }


@cache
def _template() -> str:
    return (_places()["static"] / "index.html").read_text()


def file(request: Request, path: str, below: str) -> Response | None:
    """A file of the installation's; None for what the instance has to answer.

    path : below the instance's address.
    """
    for lead, place in PARTS.items():
        if path.startswith(lead):
            found = _inside(_places().get(place), path.removeprefix(lead))
            if found is None or request.method not in ("GET", "HEAD"):
                return Response(status_code=404)
            kept = "private, max-age=31536000, immutable" if re.search(r"[0-9a-f]{16}", found.name) else "no-cache"
            told = {"Cache-Control": kept, "Content-Security-Policy": policy(request, below)}
            return FileResponse(found, headers=told)
    return None


def _inside(folder: Path | None, name: str) -> Path | None:
    if folder is None or "\0" in name:
        return None
    found = (folder / name).resolve()
    return found if found.is_relative_to(folder.resolve()) and found.is_file() else None


def page(request: Request, said: bytes, below: str) -> Response:
    """JupyterLab's page for an instance whose own one is `said`; `ValueError` where that is none."""
    found = _DATA.search(said)
    told: Any = json.loads(found[1]) if found else None
    if not isinstance(told, dict):
        raise ValueError("no page of JupyterLab")
    known = settings(cast("dict[str, Any]", told), below)
    made = Environment(autoescape=True).from_string(_template())
    text = made.render(page_config=known, base_url=below, ws_url="", custom_css=False)
    return HTMLResponse(text, headers={"Content-Security-Policy": policy(request, below, _INLINE.findall(_template()))})


def settings(told: dict[str, Any], below: str) -> dict[str, Any]:
    """What JupyterLab's page is told, of what the instance says.

    Addresses are ours, whatever it says; extensions are those that the installation has; some parts are off.
    """
    known = {name: value for name, value in told.items() if not name.endswith("Url")}
    for name, path in _ADDRESSES.items():
        known |= {f"{name}Url": f"/{path}", f"full{name[0].upper()}{name[1:]}Url": below + path}
    off = told.get("disabledExtensions")
    theirs = [one for one in cast("list[Any]", off) if isinstance(one, str)] if isinstance(off, list) else []
    return known | {
        "fullStaticUrl": f"{below}static/lab",
        "disabledExtensions": [*dict.fromkeys([*OFF, *theirs])],
        "federated_extensions": [one for one in told.get("federated_extensions") or () if _installed(one)],
        "exposeAppInBrowser": False,
        "token": "",
    }


def _installed(extension: Any) -> bool:
    try:
        return _inside(_places().get("extensions"), f"{extension['name']}/{extension['load']}") is not None
    except (TypeError, KeyError, ValueError, OSError):
        return False


def policy(request: Request, below: str, inline: list[str] | None = None) -> str:
    """The Content-Security-Policy of JupyterLab's page: as strict as it works with.

    It compiles JSON schemas (`unsafe-eval`) and styles elements (`unsafe-inline` for styles). Scripts are those that
    are served here: neither what stands in a notebook's output nor a file of the instance's runs.

    inline : scripts of its template.
    """
    host = request.headers.get("host", "")
    secure = request.url.scheme == "https"
    known = _HOST.fullmatch(host) is not None
    socket = f" {'wss' if secure else 'ws'}://{host}" if known else ""
    ours = " ".join(f"{request.url.scheme}://{host}{below}{lead}" for lead in PARTS) if known else ""
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inline or ())
    scripts = " ".join([ours, "'unsafe-eval'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        f"connect-src 'self' data:{socket}; "
        f"worker-src {ours} blob:; child-src 'self' blob:; frame-src 'self' blob:; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    )
