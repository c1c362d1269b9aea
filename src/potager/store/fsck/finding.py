"""What is not as it should be: where, what, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from potager.store.fsck.mending import Mender


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Parameters
    ----------
    where : bucket and key, or file; begins the sentence that `told` ends.
    remedy : what `--repair` does about it, or, without `mend`, what a person can do.
    mend : does it; None where nothing is sure to help.
    """

    where: str
    told: str
    remedy: str
    mend: Callable[[Mender], None] | None = field(default=None, compare=False)


def place(bucket: str, key: str, version: str | None = None, part: int | None = None) -> str:
    """Bucket and key as they are told."""
    named = f"{bucket}/{key}"
    named += f" (version {version})" if version else ""
    return named + (f" (part {part} of an upload)" if part is not None else "")
