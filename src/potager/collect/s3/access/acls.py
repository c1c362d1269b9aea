"""Access control lists: who is granted what of a bucket or an object beside its owner.

A list rests in a document as S3 shows it (`{"Grantee": ..., "Permission": ...}`); nothing there means private. Lists
count only where the bucket's object ownership is not BucketOwnerEnforced, the default, under which there are none.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.collect.s3.access import publicity
from potager.collect.s3.owners import canonical
from potager.kernel.policy import Principal
from potager.store.objects import Bucket, Entry

ACL, OWNERSHIP = "ACL", "OwnershipControls"
"""Under which a bucket's document has them; the ownership is "" once it was deleted."""
OF_OBJECT = "_acl"
"""Under which an object's document has its list."""

ENFORCED, WRITER = "BucketOwnerEnforced", "ObjectWriter"
FULL = "FULL_CONTROL"
GROUPS = "http://acs.amazonaws.com/groups/"
EVERYBODY, SIGNED = GROUPS + "global/AllUsers", GROUPS + "global/AuthenticatedUsers"
LOGS = GROUPS + "s3/LogDelivery"

Grants = Sequence[Mapping[str, Any]]

OF_BUCKETS = {
    "READ": frozenset(("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads")),
    "WRITE": frozenset(("PutObject", "DeleteObject")),
    "READ_ACP": frozenset(("GetBucketAcl",)),
    "WRITE_ACP": frozenset(("PutBucketAcl",)),
}
"""The actions that a grant of a bucket's list allows, by its permission."""
OF_OBJECTS = {
    "READ": frozenset(("GetObject", "GetObjectVersion")),
    "READ_ACP": frozenset(("GetObjectAcl", "GetObjectVersionAcl")),
    "WRITE_ACP": frozenset(("PutObjectAcl", "PutObjectVersionAcl")),
}


def ownership(bucket: Bucket) -> str:
    """The object ownership that holds for a bucket."""
    return bucket.doc.get(OWNERSHIP, ENFORCED) or WRITER


def passed_on(doc: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """An object's document with the list that a request or an upload brings, or none: lists are never copied."""
    plain = {key: value for key, value in doc.items() if key != OF_OBJECT}
    return plain | ({OF_OBJECT: said[OF_OBJECT]} if OF_OBJECT in said else {})


def decides(bucket: Bucket, action: str) -> bool:
    """Whether an object's own list is asked about an action."""
    return ownership(bucket) != ENFORCED and any(action in actions for actions in OF_OBJECTS.values())


def allows(bucket: Bucket, entry: Entry | None, action: str, principal: Principal) -> bool:
    """Whether the bucket's list, or that of the object, lets somebody do something."""
    if ownership(bucket) == ENFORCED:
        return False
    ignoring = publicity.block(bucket).ignore_acls
    of_object: Grants = entry.doc.get(OF_OBJECT, ()) if entry else ()
    for grants, table in ((bucket.doc.get(ACL, ()), OF_BUCKETS), (of_object, OF_OBJECTS)):
        for grant in grants:
            public = is_public([grant])
            if _names(grant["Grantee"], principal) and not (public and ignoring):
                permitted = grant["Permission"]
                if any(action in table[each] for each in table if permitted in (each, FULL)):
                    return True
    return False


def _names(grantee: Mapping[str, Any], principal: Principal) -> bool:
    uri = grantee.get("URI")
    if uri is None:
        return bool(principal.account) and grantee.get("ID") == canonical(principal.account)
    return uri == EVERYBODY or (uri == SIGNED and bool(principal.account))


def is_public(grants: Grants) -> bool:
    """Whether a list grants anything to everybody, or to everybody who has an account."""
    return any(grant["Grantee"].get("URI") in (EVERYBODY, SIGNED) for grant in grants)
