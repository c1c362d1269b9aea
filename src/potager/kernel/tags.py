"""Tags as a request gives them, checked.

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from potager.kernel.errors import Invalid

MOST = 50
"""Tags that one resource may have, as on AWS."""


def checked(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Values by key; `Invalid` for a key that is reserved or given twice."""
    found: dict[str, str] = {}
    for tag in tags:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise Invalid(f"The tag key '{key}' starts with 'aws:', which is reserved. Choose another key.")
        if key in found:
            raise Invalid(f"The tag key '{key}' is given twice. Give each key once.")
        found[key] = tag["Value"]
    return found
