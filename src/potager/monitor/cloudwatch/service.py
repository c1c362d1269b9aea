"""The table of CloudWatch's operations, and what they share."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from potager.kernel.errors import Invalid, LimitReached, NotFound, WireError
from potager.wire.service import Service

Req = dict[str, Any]
Output = Mapping[str, Any]
T = TypeVar("T")

cloudwatch = Service(
    "cloudwatch",
    {
        Invalid: ("InvalidParameterValue", "InvalidFormat", "ValidationError"),
        NotFound: ("ResourceNotFound", "ResourceNotFoundException"),
        LimitReached: ("LimitExceeded", "InvalidParameterValue"),
    },
)


def dimensions(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Values by name, out of a list as the wire has it; `InvalidParameterValue` for a name that stands twice."""
    found: dict[str, str] = {}
    for each in given:
        if each["Name"] in found:
            raise WireError("InvalidParameterValue", f"The dimension {each['Name']} is given twice. Give each once.")
        found[each["Name"]] = each["Value"]
    return found


def shown(found: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Dimensions as the wire has them."""
    return [{"Name": name, "Value": value} for name, value in found]


def page(items: Sequence[T], token: str | None, limit: int) -> tuple[Sequence[T], str | None]:
    """The items that a token leads to, at most `limit`, and the next token or None."""
    begin = opened(token)
    end = begin + limit
    return items[begin:end], sealed(end) if end < len(items) else None


def sealed(place: int) -> str:
    """A token that leads to a place in a list."""
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def opened(token: str | None) -> int:
    """The place that a token leads to; `InvalidNextToken` for what is none."""
    try:
        place = int(base64.urlsafe_b64decode(token or b"MA==").decode())
        if place >= 0:
            return place
    except ValueError:
        pass
    raise WireError("InvalidNextToken", "The NextToken is not one that this operation gave. Begin again without it.")
