"""What makes a bucket public, and the public access block that keeps it from being that.

A new bucket has all four blocks on, as on S3 since 2023, so a bucket whose document is silent has them. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from potager.kernel.conditions import ALL, Condition
from potager.kernel.policy import Policy, Statement, read
from potager.store.objects import Bucket

POLICY, BLOCK = "Policy", "PublicAccessBlockConfiguration"
"""Under which a bucket's document has them: the policy's text; the block, which is {} once it was deleted."""

MEMBERS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Block:
    """The four blocks, in the order of `MEMBERS`."""

    acls: bool = True
    ignore_acls: bool = True
    policy: bool = True
    restrict_buckets: bool = True


_NEW = Block()


def block(bucket: Bucket) -> Block:
    """The blocks of a bucket."""
    written: Mapping[str, Any] | None = bucket.doc.get(BLOCK)
    return _NEW if written is None else Block(*(bool(written.get(name)) for name in MEMBERS))


def policy(bucket: Bucket) -> Policy | None:
    """The policy of a bucket."""
    text = bucket.doc.get(POLICY)
    return None if text is None else _read(text)


@lru_cache(maxsize=256)
def _read(text: str) -> Policy:
    return read(text)


FIXED = frozenset(
    (
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    )
)
"""Condition keys whose fixed values make a statement for all principals one for some."""
NARROWING = frozenset(("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"))
WIDEST = {4: 8, 6: 32}
"""Bits that a network's prefix needs at least so as not to be everybody, by the version of IP."""


def is_public(policy: Policy | None) -> bool:
    """Whether a policy lets in people that it does not know."""
    return policy is not None and any(_public(statement) for statement in policy.statements)


def _public(statement: Statement) -> bool:
    everybody = any(name == "*" for _, name in statement.principals or ())
    return statement.allows and everybody and not any(_narrows(each) for each in statement.conditions)


def _narrows(condition: Condition) -> bool:
    if condition.operator not in NARROWING or condition.if_exists or condition.quantifier == ALL:
        return False
    key = condition.key.lower()
    if key == "aws:sourceip":
        return all(_narrow(text) for text in condition.wanted)
    return key in FIXED and not any(mark in text for text in condition.wanted for mark in ("*", "?", "${"))


def _narrow(text: str) -> bool:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= WIDEST[network.version]
