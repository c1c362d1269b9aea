"""S3 on the wire, over the buckets and objects of `potager.store.objects`.

    service     the table of operations: who may do it is asked before each, and what the store raises becomes S3's own
    faults      every error of S3 that is used: code, text, status
    buckets/    buckets, and what each is configured to do
    objects/    objects, put, read and described
    uploads/    multipart uploads
    access/     who may do what: policies, ACLs, the public access block
    naming, owners      what buckets and keys may be called; accounts as S3 names them

An operation stands in the module that its noun names; rules without effects stand beside those that use them.
"""

from __future__ import annotations

from potager.collect.s3.access import lists, policies
from potager.collect.s3.buckets import (
    cors,
    creation,
    encryption,
    lifecycle,
    notifications,
    tagging,
    unconfigured,
    versioning,
)
from potager.collect.s3.objects import copying, listing, posting, reading, summary, writing
from potager.collect.s3.objects import tagging as object_tagging
from potager.collect.s3.service import service
from potager.collect.s3.uploads import listing as upload_listing
from potager.collect.s3.uploads import multipart

__all__ = [
    "copying",
    "cors",
    "creation",
    "encryption",
    "lifecycle",
    "listing",
    "lists",
    "multipart",
    "notifications",
    "object_tagging",
    "policies",
    "posting",
    "reading",
    "service",
    "summary",
    "tagging",
    "unconfigured",
    "upload_listing",
    "versioning",
    "writing",
]
