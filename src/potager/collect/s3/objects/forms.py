"""The policy of a form: until when it holds, and what its fields may be.

    {"expiration": "2030-01-01T00:00:00Z", "conditions": [{"bucket": "b"}, ["starts-with", "$key", "home/"],
     ["content-length-range", 0, 1048576]]}

Every field must be named by a condition, but for those that carry the policy and its signature. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from potager.collect.s3.faults import fault
from potager.kernel.errors import WireError

FREE = frozenset(("policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"))
"""Fields that need no condition; those that begin with `x-ignore-` neither."""


@dataclass(frozen=True)
class Condition:
    """What one field, by its lower-case name, must be (`eq`) or begin with."""

    exactly: bool
    field: str
    wanted: str
    written: str

    def holds(self, given: str) -> bool:
        """Whether a field's value is as wanted; of several content types each must be."""
        if self.exactly:
            return given == self.wanted
        values = given.split(",") if self.field == "content-type" else [given]
        return all(value.strip().startswith(self.wanted) for value in values) if self.wanted else True


@dataclass(frozen=True)
class FormPolicy:
    """A policy that has been read; `size` bounds the file's bytes, both ends included."""

    expires: datetime
    conditions: tuple[Condition, ...]
    size: tuple[int, int] | None = None

    def check(self, fields: Mapping[str, str], now: datetime) -> None:
        """`AccessDenied` where the fields, by lower-case name, are not what the policy says."""
        if now > self.expires:
            raise refused("Policy expired.")
        named = {condition.field for condition in self.conditions}
        extra = [name for name in fields if name not in named | FREE and not name.startswith("x-ignore-")]
        if extra:
            raise refused(f"Extra input fields: {', '.join(sorted(extra))}")
        for condition in self.conditions:
            if not condition.holds(fields.get(condition.field, "")):
                raise refused(f"Policy Condition failed: {condition.written}")


def refused(why: str) -> WireError:
    """The error of a form that its policy does not let through."""
    return fault("AccessDenied", f"Invalid according to Policy: {why}")


def read(text: str) -> FormPolicy:
    """The policy out of a form's field; `InvalidPolicyDocument` for what is none."""
    try:
        document: Any = json.loads(b64decode(text, validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _invalid("Invalid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    document = cast("dict[str, Any]", document)
    if "expiration" not in document:
        raise _invalid("Policy missing expiration.")
    if not isinstance(document.get("conditions"), list):
        raise _invalid("Policy missing conditions.")
    size: tuple[int, int] | None = None
    conditions: list[Condition] = []
    for written in document["conditions"]:
        if _operator(written) == "content-length-range":
            size = _range(written)
        else:
            conditions.append(_condition(written))
    return FormPolicy(_moment(document["expiration"]), tuple(conditions), size)


def _invalid(why: str) -> WireError:
    return fault("InvalidPolicyDocument", f"Invalid Policy: {why}")


def _moment(text: Any) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
        if "T" not in text:
            raise ValueError(text)
    except (ValueError, TypeError) as error:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _operator(written: Any) -> str:
    if isinstance(written, list) and written and isinstance(written[0], str):
        return written[0].lower()
    return ""


def _condition(written: Any) -> Condition:
    shown = json.dumps(written)
    if isinstance(written, dict):
        pairs = cast("dict[str, Any]", written)
        if len(pairs) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((name, value),) = pairs.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return Condition(True, _carried(name).lower(), _carried(value), json.dumps(["eq", f"${name}", value]))
    operator = _operator(written)
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"Invalid Condition: {shown[:200]}: unknown operation.")
    parts = cast("list[Any]", written)
    if len(parts) != 3 or not all(isinstance(each, str) for each in parts) or not parts[1].startswith("$"):
        raise _invalid(f"Invalid Condition: {shown[:200]}: expected an operation, a field and a value.")
    return Condition(operator == "eq", _carried(parts[1][1:]).lower(), _carried(parts[2]), shown)


def _carried(text: str) -> str:
    """A text as the form's fields carry it: its UTF-8 bytes, each a character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _range(written: list[Any]) -> tuple[int, int]:
    try:
        _, least, most = written
        bounds = int(least), int(most)
    except (ValueError, TypeError, OverflowError) as error:
        raise _invalid("Invalid Content-Length-Range: two numbers are expected.") from error
    if bounds[0] < 0 or bounds[1] < bounds[0]:
        raise _invalid("Invalid Content-Length-Range: the numbers are out of order or negative.")
    return bounds
