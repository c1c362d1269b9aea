"""Policies in IAM's language: read, and asked whether somebody may do something.

    document ─► read ─► Policy ─► decide(asked) ─► ALLOW, DENY or NONE

A statement that denies wins over any that allows; where none speaks, the answer is NONE, and whoever asked decides by
other means. Knows no service: which actions and resources there are is the caller's to know. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from potager.kernel.conditions import Condition, arn_like, conditions
from potager.kernel.globs import Values, glob, matches

__all__ = ["Asked", "Decision", "Malformed", "Policy", "Principal", "Statement", "Values", "decide", "read"]

VERSIONS = ("2012-10-17", "2008-10-17")
"""The first one has variables."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")


class Malformed(ValueError):
    """A document that is no policy; the text says why, in AWS's words where we know them."""


class Decision(Enum):
    """What policies say of a request."""

    ALLOW = "Allow"
    DENY = "Deny"
    NONE = "None"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    account : 12 digits; "" for somebody who did not sign.
    names : the ARNs and ids by which a policy may name them: of an assumed role the role's and the session's.
    """

    account: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What somebody wants to do.

    Parameters
    ----------
    action : such as `s3:GetObject`.
    resource : the ARN of what it is done to.
    values : what the request says of itself.
    """

    principal: Principal
    action: str
    resource: str
    values: Values


@dataclass(frozen=True)
class Statement:
    """One statement. `principals` pairs a kind (`AWS`, `Service`, `*` ...) with a name; None in policies of a user."""

    sid: str | None
    allows: bool
    principals: tuple[tuple[str, str], ...] | None
    actions: tuple[str, ...]
    resources: tuple[str, ...] | None
    conditions: tuple[Condition, ...] = ()
    not_principal: bool = False
    not_action: bool = False
    not_resource: bool = False

    def applies(self, asked: Asked, variables: Values | None) -> bool:
        """Whether it speaks of what is asked."""
        return (
            self._speaks_of_action(asked.action)
            and self._speaks_of_principal(asked.principal)
            and self._speaks_of_resource(asked.resource, variables)
            and all(each.holds(asked.values, variables) for each in self.conditions)
        )

    def _speaks_of_action(self, action: str) -> bool:
        found = any(fits(pattern, action) for pattern in self.actions)
        return found != self.not_action

    def _speaks_of_principal(self, principal: Principal) -> bool:
        if self.principals is None:
            return True
        return any(_is(principal, *each) for each in self.principals) != self.not_principal

    def _speaks_of_resource(self, resource: str, variables: Values | None) -> bool:
        if self.resources is None:
            return True
        found = [_covers(pattern, resource, variables) for pattern in self.resources]
        if self.not_resource:  # a variable without a value makes the statement speak of nothing
            return None not in found and True not in found
        return True in found


def fits(pattern: str, action: str) -> bool:
    """Whether an action is one that a pattern such as `s3:Get*` names; actions know no case."""
    found = glob(pattern, None)
    return found is not None and matches(found, action, ignore_case=True)


def _covers(pattern: str, resource: str, variables: Values | None) -> bool | None:
    if glob(pattern, variables) is None:
        return None
    return arn_like(pattern, resource, variables)


def _is(principal: Principal, kind: str, name: str) -> bool:
    if name == "*" and kind in ("*", "AWS"):
        return True
    if kind not in ("AWS", "CanonicalUser"):
        return False
    if name in principal.names:
        return True
    root = _ROOT.fullmatch(name)
    return bool(principal.account) and principal.account == (root[1] if root else name)


@dataclass(frozen=True)
class Policy:
    """A policy that has been read."""

    version: str
    statements: tuple[Statement, ...]

    def decide(self, asked: Asked) -> Decision:
        """What it says of a request."""
        variables = asked.values if self.version == VERSIONS[0] else None
        decision = Decision.NONE
        for statement in self.statements:
            if (decision is Decision.NONE or not statement.allows) and statement.applies(asked, variables):
                if not statement.allows:
                    return Decision.DENY
                decision = Decision.ALLOW
        return decision

    def asks_for(self, prefix: str) -> bool:
        """Whether it needs to know a condition key that begins so (lower case), in a condition or as a variable."""
        return any(
            each.key.lower().startswith(prefix) or any("${" + prefix in text.lower() for text in each.wanted)
            for statement in self.statements
            for each in statement.conditions
        ) or any("${" + prefix in text.lower() for each in self.statements for text in each.resources or ())


def decide(policies: Sequence[Policy], asked: Asked) -> Decision:
    """What several policies say together."""
    said = {policy.decide(asked) for policy in policies}
    return Decision.DENY if Decision.DENY in said else Decision.ALLOW if Decision.ALLOW in said else Decision.NONE


SYNTAX = "Invalid policy syntax."
_FIELDS = frozenset(("Version", "Id", "Statement"))
_PAIRS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_STATEMENT = frozenset(("Sid", "Effect", "Condition", *(name for pair in _PAIRS for name in pair)))
KINDS = ("AWS", "CanonicalUser", "Service", "Federated")


def read(text: str, *, of_resource: bool = True) -> Policy:
    """The policy that a text holds; `Malformed` when it holds none.

    `of_resource` says whether it is a resource's, which names principals, or a user's, which does not.
    """
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("Policies must be valid JSON and the first byte must be '{'") from error
    if not isinstance(document, dict):
        raise Malformed("Policies must be valid JSON and the first byte must be '{'")
    document = cast("dict[str, Any]", document)
    _known(document, _FIELDS)
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise Malformed("The policy must contain a valid version string")
    statements = _statements(document, of_resource)
    sids = [each.sid for each in statements if each.sid]
    if len(sids) != len(set(sids)):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")
    return Policy(version, statements)


def _statements(document: Mapping[str, Any], of_resource: bool) -> tuple[Statement, ...]:
    if "Statement" not in document:
        raise Malformed("Missing required field Statement")
    written: Any = document["Statement"]
    listed: list[Any] = cast("list[Any]", written) if isinstance(written, list) else [written]
    if not listed:
        raise Malformed("Could not parse the policy: Statement is empty!")
    if not all(isinstance(each, dict) for each in listed):
        raise Malformed(SYNTAX)
    return tuple(_statement(each, of_resource) for each in listed)


def _statement(written: dict[str, Any], of_resource: bool) -> Statement:
    _known(written, _STATEMENT)
    effect, sid = written.get("Effect"), written.get("Sid")
    if effect is None:
        raise Malformed("Missing required field Effect")
    if effect not in ("Allow", "Deny"):
        raise Malformed(f"Invalid effect: {str(effect)[:100]}")
    if sid is not None and not isinstance(sid, str):
        raise Malformed(SYNTAX)
    names = {plain: _either(written, plain, negated) for plain, negated in _PAIRS}
    for plain in names:
        if names[plain] is None and (plain == "Action" or of_resource):
            raise Malformed(f"Missing required field {plain}")
    if names["Principal"] is not None and not of_resource:
        raise Malformed("Policy document should not specify a principal.")
    if names["Principal"] == "NotPrincipal" and effect == "Allow":
        raise Malformed("Allow with NotPrincipal is not allowed.")
    principal, resource = names["Principal"], names["Resource"]
    return Statement(
        sid,
        effect == "Allow",
        None if principal is None else _principals(written[principal]),
        _texts(written[str(names["Action"])]),
        None if resource is None else _texts(written[resource]),
        _conditions(written.get("Condition", {})),
        *(names[plain] == negated for plain, negated in _PAIRS),
    )


def _known(written: Mapping[str, Any], fields: frozenset[str]) -> None:
    for name in written:
        if name not in fields:
            raise Malformed(f"Unknown field {name[:100]}")


def _either(written: Mapping[str, Any], plain: str, negated: str) -> str | None:
    if plain in written and negated in written:
        raise Malformed(f"Statement is both {plain} and {negated}")
    return plain if plain in written else negated if negated in written else None


def _texts(written: Any) -> tuple[str, ...]:
    listed: list[Any] = cast("list[Any]", written) if isinstance(written, list) else [written]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise Malformed(SYNTAX)
    return tuple(listed)


def _principals(written: Any) -> tuple[tuple[str, str], ...]:
    if written == "*":
        return (("*", "*"),)
    if not isinstance(written, dict) or not written:
        raise Malformed("Invalid principal in policy")
    named = cast("dict[str, Any]", written)
    if not named.keys() <= set(KINDS):
        raise Malformed("Invalid principal in policy")
    return tuple((kind, name) for kind, names in named.items() for name in _texts(names))


def _conditions(written: Any) -> tuple[Condition, ...]:
    if not isinstance(written, dict) or not all(isinstance(each, dict) for each in written.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        raise Malformed(SYNTAX)
    operators = cast("dict[str, dict[str, Any]]", written)
    listed = [(name, key, _scalars(texts)) for name, keys in operators.items() for key, texts in keys.items()]
    try:
        return conditions(listed)
    except ValueError as error:
        raise Malformed(f"Invalid Condition type : {str(error)[:100]}") from error


def _scalars(written: Any) -> tuple[str, ...]:
    """Texts, numbers and truths as texts."""
    listed: list[Any] = cast("list[Any]", written) if isinstance(written, list) else [written]
    if not all(isinstance(each, (str, int, float)) for each in listed):
        raise Malformed(SYNTAX)
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in listed)
