"""Starts JupyterLab in this process."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from potager.images.notebook import FOLDER, SOCKET

LONGEST = 100
"""Bytes of a socket's path that every system takes."""
KERNEL = "kernel-01234567-0123-0123-0123-0123456789ab-ipc-5"
"""How long the name of a kernel's socket is."""
NO_NEWS = {"@jupyterlab/apputils-extension:announcements": True, "@jupyterlab/extensionmanager-extension": True}
"""Parts of JupyterLab that ask other machines, or offer what a wall keeps from working."""


def options(base: str, idle: int, folder: Path, runtime: Path) -> dict[str, Any]:
    """The server's configuration.

    base : the address that it is reached below, `/prefix/`.
    idle : seconds after which a kernel that nobody looks at ends, and then the server.
    folder : what it shows. runtime : where its kernels' sockets are.
    """
    # A path too long for a unix socket: kernels then listen on ports of the loopback, and take what their key signed.
    transport = "ipc" if len(os.fsencode(runtime / KERNEL)) <= LONGEST else "tcp"
    return {
        "ServerApp": {
            "sock": SOCKET,
            "sock_mode": "0600",
            "base_url": base,
            "root_dir": str(folder),
            "open_browser": False,
            "allow_remote_access": True,  # whatever host it is asked as: who may ask is seen to before it
            "allow_root": True,
            "shutdown_no_activity_timeout": idle,
            "jpserver_extensions": {"jupyterlab": True, "jupyter_server_terminals": True},
        },
        "IdentityProvider": {"token": ""},
        "PasswordIdentityProvider": {"hashed_password": ""},
        "MappingKernelManager": {"cull_idle_timeout": idle, "cull_interval": max(1, min(300, idle // 2))},
        "KernelManager": {"transport": transport},
        "LabApp": {
            "extension_manager": "readonly",
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "core_mode": not (shared() / "lab").is_dir(),  # it then takes the pages that are in its own package
        },
    }


def shared() -> Path:
    """Where JupyterLab and its extensions were installed, beside the packages."""
    found = importlib.util.find_spec("jupyterlab")
    if found is None or found.origin is None:
        sys.exit("JupyterLab is not installed: pip install 'potager[notebooks]' in Potager's environment")
    return Path(found.origin).parents[4] / "share" / "jupyter"


def main() -> None:
    """Becomes Jupyter's server."""
    parser = argparse.ArgumentParser(prog="notebook")
    parser.add_argument("--base", required=True)
    parser.add_argument("--idle", type=int, required=True)
    given = parser.parse_args()
    ml = Path.cwd()
    own = ml / FOLDER / ".jupyter"
    runtime = Path(os.environ["TMPDIR"], "jupyter")
    for path in (own / "labconfig", runtime):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (own / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": NO_NEWS}))
    (ml / SOCKET).unlink(missing_ok=True)
    config = Path(os.environ["TMPDIR"], "jupyter.json")
    config.write_text(json.dumps(options(given.base, given.idle, ml / FOLDER, runtime)))
    os.environ |= {
        "JUPYTER_CONFIG_DIR": str(own),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "IPYTHONDIR": str(own / "ipython"),
        "JUPYTER_PATH": str(shared()),
    }
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--config={config}"])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
