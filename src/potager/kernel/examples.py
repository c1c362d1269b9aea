"""Where the example programs are that the package carries."""

from __future__ import annotations

from pathlib import Path

from potager.kernel.errors import NotFound


def folder(name: str) -> Path:
    """An example's folder, out of the package, or out of the checkout that we run from; `NotFound` where it is gone."""
    package = Path(__file__).resolve().parent.parent
    places = (package / "_examples" / name, package.parent.parent / "examples" / name)
    for place in places:
        if place.is_dir():
            return place
    raise NotFound(f"The example {name} is not where it belongs: {places[0]}. Install Potager again.")
