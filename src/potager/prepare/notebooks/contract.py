"""What a notebook instance finds: its metadata, where the SDKs look for it, and a few variables.

/opt/ml/metadata/resource-metadata.json   which instance this is: `sagemaker.get_execution_role()` asks for its role
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import remains
from potager.prepare.notebooks import tutorials


def lay_out(doc: Mapping[str, Any], home: Path, kept: Path) -> None:
    """Makes the folder of one start, from nothing, and the one of the notebooks where it is not there."""
    if not (home / "run").exists():  # else it was started already
        remains.wipe(home)
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    kept.mkdir(mode=0o700, exist_ok=True)
    tutorials.lay_out(kept)
    metadata = home / "ml" / "metadata"
    metadata.mkdir(parents=True, exist_ok=True)
    told = {"ResourceArn": doc["NotebookInstanceArn"], "ResourceName": doc["NotebookInstanceName"]}
    (metadata / "resource-metadata.json").write_text(json.dumps(told))


def variables() -> dict[str, str]:
    """More of its environment: terminals want a kind, and a shell."""
    return {"TERM": "xterm-256color", "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"}
