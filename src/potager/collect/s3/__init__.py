"""S3 on the wire, over the buckets and objects of `potager.store.objects`.

    service.py     the table of operations, and store's faults in S3's words
    faults.py      every error of S3 that is used: code, text, status
    buckets.py     CreateBucket, HeadBucket, ListBuckets, DeleteBucket, GetBucketLocation
    writing.py     PutObject, DeleteObject, DeleteObjects        copying.py    CopyObject
    reading.py     GetObject, HeadObject                         listing.py    ListObjectsV2, ListObjects
    versioning.py  GetBucketVersioning, PutBucketVersioning, ListObjectVersions
    tagging.py     GetObjectTagging, PutObjectTagging, DeleteObjectTagging
    summary.py     GetObjectAttributes
    lifecycle.py   a bucket's rules of expiry, which `expiry.py` carries out
    bucket_tagging.py   tags of buckets
    notifications.py    whom a bucket tells of what happens in it (`records.py`)
    multipart.py   CreateMultipartUpload ... AbortMultipartUpload
    uploads.py     ListParts, ListMultipartUploads
    policies.py    bucket policies, the public access block       lists.py      ACLs, object ownership
    cors.py        a bucket's CORS configuration, preflights, headers for pages
    posting.py     PostObject, an upload by HTML form
    unconfigured.py     what is asked of a bucket and can only be answered as of a new one
    bucket_encryption.py     PutBucketEncryption, GetBucketEncryption, DeleteBucketEncryption

Who may do it is asked before each of them (`authorization.py`). Rules stand beside them: `naming`, `ranges`,
`conditions`, `checksums`, `attributes`, `tags`, `versions`; `permissions`, `circumstances`, `publicity`, `acls`,
`grants`, `sharing`, `forms`; `encryption`, `recoding`.
"""

from __future__ import annotations

from potager.collect.s3 import (
    bucket_encryption,
    bucket_tagging,
    buckets,
    copying,
    cors,
    lifecycle,
    listing,
    lists,
    multipart,
    notifications,
    policies,
    posting,
    reading,
    summary,
    tagging,
    unconfigured,
    uploads,
    versioning,
    writing,
)
from potager.collect.s3.service import service

__all__ = [
    "bucket_encryption",
    "bucket_tagging",
    "buckets",
    "copying",
    "cors",
    "lifecycle",
    "listing",
    "lists",
    "multipart",
    "notifications",
    "policies",
    "posting",
    "reading",
    "service",
    "summary",
    "tagging",
    "unconfigured",
    "uploads",
    "versioning",
    "writing",
]
