"""What of CreateNotebookInstance is not served, refused by name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

from potager.images import notebook
from potager.kernel.errors import Invalid, Unserved

_HERE = "Everything runs on this machine"
_UNSERVED = {
    "SubnetId": f"{_HERE}, in its network. Leave it out.",
    "SecurityGroupIds": f"{_HERE}, in its network. Leave it out.",
    "LifecycleConfigName": "Put what it would run into a notebook's first cell.",
    "AcceleratorTypes": "Choose an instance type with a GPU.",
    "DefaultCodeRepository": "Clone it in a terminal of JupyterLab.",
    "AdditionalCodeRepositories": "Clone them in a terminal of JupyterLab.",
    "KmsKeyId": "The data folder is as encrypted as the disk that it is on. Leave it out.",
}


def check(req: Mapping[str, Any]) -> None:
    """`Unserved` for the first thing that the request asks and that is not done."""
    for member, remedy in _UNSERVED.items():
        if req.get(member):
            raise Unserved(f"{member} is not served yet. {remedy}")
    if req.get("DirectInternetAccess") == "Disabled":
        raise Unserved("DirectInternetAccess Disabled is not served yet: an instance has the network that jobs have.")
    if req.get("RootAccess") == "Enabled":
        raise Unserved("RootAccess Enabled is not served: nobody has the machine's root. `pip install` works without.")


def missing() -> str:
    """What to tell somebody where JupyterLab is not installed, "" where it is."""
    absent = [name for name in notebook.REQUIRES if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    return (
        f"Notebooks need {' and '.join(absent)}, which Potager's environment does not have. "
        f"Install it there: {sys.executable} -m pip install 'potager[notebooks]'"
    )


def check_installed() -> None:
    """`Invalid` where there is no JupyterLab to start."""
    if why := missing():
        raise Invalid(why)
