"""Access control lists as requests give them: canned ones, `x-amz-grant-*` headers, or a document.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from potager.collect.s3.access import acls, publicity
from potager.collect.s3.faults import fault
from potager.collect.s3.owners import canonical
from potager.kernel.context import Context
from potager.store.objects import Bucket, Objects

HEADERS = {
    "GrantFullControl": acls.FULL,
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
MEMBERS = frozenset(("ACL", *HEADERS))
"""What a request that makes something may say of who may reach it."""

CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((acls.EVERYBODY, "READ"),),
    "public-read-write": ((acls.EVERYBODY, "READ"), (acls.EVERYBODY, "WRITE")),
    "authenticated-read": ((acls.SIGNED, "READ"),),
    "aws-exec-read": (),
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
    "log-delivery-write": ((acls.LOGS, "WRITE"), (acls.LOGS, "READ_ACP")),
}
"""What each canned list grants beside the owner's full control; every object's owner is the bucket's, and EC2, whom
`aws-exec-read` is for, is not here."""
OWNERS = ("private", "bucket-owner-full-control")
"""Canned lists that an object may be put with where there are no lists: they say what is so anyway."""

PERMISSIONS = frozenset((*HEADERS.values(),))
MOST = 100
"""Grants of one list."""

_GRANTEE = re.compile(r'\s*(\w+)\s*=\s*(?:"([^"]*)"|([^",\s]+))\s*')

Grant = dict[str, Any]


def granted(account: str, permission: str) -> Grant:
    """A grant to an account, by its canonical id."""
    return {"Grantee": {"ID": account, "Type": "CanonicalUser"}, "Permission": permission}


def to_group(uri: str, permission: str) -> Grant:
    """A grant to one of S3's groups."""
    return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission}


def private(bucket: Bucket) -> list[Grant]:
    """The list that everything has of which nobody said more."""
    return [granted(canonical(bucket.account), acls.FULL)]


def given(req: Mapping[str, Any], bucket: Bucket) -> list[Grant] | None:
    """The list that a request's headers give; None where they give none."""
    canned = req.get("ACL")
    headers = {name: req[name] for name in HEADERS if name in req}
    if canned is not None and headers:
        raise fault("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if canned is not None:
        if canned not in CANNED:
            raise fault("InvalidArgument", "", ArgumentName="x-amz-acl", ArgumentValue=canned)
        return private(bucket) + [to_group(*each) for each in CANNED[canned]]
    if not headers:
        return None
    return [each for name, text in headers.items() for each in _of_header(text, HEADERS[name], bucket)]


def _of_header(text: str, permission: str, bucket: Bucket) -> list[Grant]:
    return [_granted(grantee, permission, bucket) for grantee in _grantees(text)]


def _grantees(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    at = 0
    while at < len(text):
        match = _GRANTEE.match(text, at)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            raise fault("InvalidArgument", "Argument format not recognized", ArgumentValue=text)
        kind = {"id": "ID", "uri": "URI", "emailaddress": "EmailAddress"}.get(match[1].lower())
        if kind is None:
            raise fault("InvalidArgument", "Argument format not recognized", ArgumentName=match[1])
        found.append({kind: match[2] if match[2] is not None else match[3]})
        at = match.end() + 1
    return found


def of_document(document: Mapping[str, Any], bucket: Bucket) -> list[Grant]:
    """The list that a document gives; `MalformedACLError`, or `AccessDenied` where it names another owner."""
    written: Sequence[Mapping[str, Any]] | None = document.get("Grants")
    owner = document.get("Owner", {}).get("ID")
    if written is None or not owner or len(written) > MOST:
        raise fault("MalformedACLError")
    if owner != canonical(bucket.account):
        raise fault("AccessDenied")
    return [_of_document(each, bucket) for each in written]


def _of_document(written: Mapping[str, Any], bucket: Bucket) -> Grant:
    grantee, permission = written.get("Grantee"), written.get("Permission")
    if not grantee or permission not in PERMISSIONS:
        raise fault("MalformedACLError")
    wanted = {"CanonicalUser": "ID", "Group": "URI", "AmazonCustomerByEmail": "EmailAddress"}.get(grantee.get("Type"))
    if wanted is None or not grantee.get(wanted):
        raise fault("MalformedACLError")
    return _granted({wanted: grantee[wanted]}, permission, bucket)


def _granted(grantee: Mapping[str, str], permission: str, bucket: Bucket) -> Grant:
    (kind, value), *_ = grantee.items()
    if kind == "EmailAddress":
        raise fault("UnresolvableGrantByEmailAddress", EmailAddress=value)
    if kind == "URI":
        if value not in (acls.EVERYBODY, acls.SIGNED, acls.LOGS):
            raise fault("InvalidArgument", "Invalid group uri", ArgumentName="uri", ArgumentValue=value)
        return to_group(value, permission)
    if value != canonical(bucket.account):
        raise fault("InvalidArgument", "Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=value)
    return granted(value, permission)


def checked(grants: list[Grant], bucket: Bucket) -> list[Grant]:
    """The list, if the bucket's public access block lets it be."""
    if acls.is_public(grants) and publicity.block(bucket).acls:
        text = (
            "because public access control lists (ACLs) are blocked by the BlockPublicAcls block public access setting"
        )
        raise fault("AccessDenied", f"Access Denied {text}.")
    return grants


def of_bucket(req: Mapping[str, Any], bucket: Bucket) -> dict[str, Any]:
    """What a new bucket's document says of ownership and lists, by the request that makes it."""
    doc = {acls.OWNERSHIP: req["ObjectOwnership"]} if req.get("ObjectOwnership") else {}
    listed = given(req, bucket)
    if listed is None or listed == private(bucket):
        return doc
    if doc.get(acls.OWNERSHIP, acls.ENFORCED) == acls.ENFORCED:
        raise fault("InvalidBucketAclWithObjectOwnership")
    return {**doc, acls.ACL: checked(listed, bucket)}


async def of_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The request with the list that its new object is to have, under `acls.OF_OBJECT`."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    grants = given(req, bucket)
    if grants is None or req.get("ACL") in OWNERS:
        return req
    if acls.ownership(bucket) == acls.ENFORCED:
        if grants != private(bucket):
            raise fault("AccessControlListNotSupported")
        return req
    return {**req, acls.OF_OBJECT: checked(grants, bucket)}
