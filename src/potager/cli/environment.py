"""The environment variables that bring an AWS client here, and those that would lead it elsewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from potager.cli import folder, keys
from potager.cli.folder import Running
from potager.kernel.errors import NotFound
from potager.kernel.hosts import THIS_MACHINE
from potager.kernel.settings import Keys

MISLEADING = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Variables with which a client would ask somewhere else, or as somebody else."""

_FOR_ONE = re.compile(r"AWS_ENDPOINT_URL_[A-Z0-9_]+")


def of(data: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables for the server that is up on a data folder; `NotFound` when none is.

    Where it speaks https, they name bundles with its certificate and all that `environ` trusts.
    """
    server = folder.running(data)
    if server is None:
        starting = " One is starting or stopping there; try again." if folder.held(data) else ""
        raise NotFound(
            f"{data}: no server is up on this data folder.{starting} "
            "Start one with `potager up`, or name another folder with --data."
        )
    ours = variables(server, keys.read(data))
    return ours | trusting(data, environ) if server.url.startswith("https://") else ours


def trusting(data: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which clients take the certificate of a data folder's server."""
    # Imported here: plain http needs neither.
    from potager.cli import certificates, trust

    clients = data / "ca" / "clients"
    files = Path(environ.get("AWS_CA_BUNDLE", "")).parent
    if files.parent != clients:  # else a shell that evaluated `potager env` before: its files stay where they are
        before = json.dumps([environ.get(name) for name in trust.KNOWN])
        files = clients / sha256(before.encode()).hexdigest()[:16]
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    return trust.variables(certificates.trusted(data), files, environ)


def variables(server: Running, pair: Keys) -> dict[str, str]:
    """What an AWS client needs to reach a server as its administrator."""
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": pair.access_key_id,
        "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_REGION": server.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def misleading(environ: Iterable[str]) -> list[str]:
    """The variables to unset: the known ones, and an endpoint for one service alone, which would win over ours."""
    return [*MISLEADING, *sorted(name for name in environ if _FOR_ONE.fullmatch(name))]


def direct(environ: Mapping[str, str]) -> dict[str, str]:
    """What keeps clients from asking a proxy of the environment for this machine; nothing where there is none."""
    if not any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    known = [entry for entry in (environ.get("no_proxy") or environ.get("NO_PROXY") or "").split(",") if entry.strip()]
    exempt = ",".join([*(host for host in THIS_MACHINE if host not in known), *known])
    return {"NO_PROXY": exempt, "no_proxy": exempt}


def applied(environ: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """An environment with the misleading variables gone and ours set."""
    gone = set(misleading(environ))
    kept = {name: value for name, value in environ.items() if name not in gone}
    return kept | direct(environ) | dict(ours)


def shell(ours: Mapping[str, str], environ: Iterable[str]) -> str:
    """Lines for `eval` in a POSIX shell."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in ours.items()]
    return "\n".join([*exports, "unset " + " ".join(misleading(environ))])


def dotenv(ours: Mapping[str, str]) -> str:
    """Lines of an `.env` file. Single quotes keep `$` as it is; our values hold none, but a secret of one's own may."""
    return "\n".join(f"{name}={_quoted(value)}" for name, value in ours.items())


def _quoted(value: str) -> str:
    if "'" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text(ours: Mapping[str, str], form: str, environ: Iterable[str]) -> str:
    """The variables in one of the forms `shell`, `dotenv` and `json`."""
    if form == "json":
        return json.dumps(dict(ours), indent=2)
    return dotenv(ours) if form == "dotenv" else shell(ours, environ)
