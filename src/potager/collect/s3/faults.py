"""S3's errors: code -> text and status, in one table.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from potager.kernel.errors import Denied, Fault, InUse, LimitReached, WireError
from potager.store.keyring import KeyDisabled, KeyPending, NoKey
from potager.store.objects import NULL, Entry, IsMarker, NoBucket, NoObject, NoVersion
from potager.store.sealing import NeedsKey
from potager.store.uploads import NoUpload

TABLE: dict[str, tuple[int, str]] = {
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AccessDenied": (403, "Access Denied"),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BadRequest": (400, "Bad Request"),
    "BucketAlreadyExists": (
        409,
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
    ),
    "BucketAlreadyOwnedByYou": (
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty"),
    "ConditionalRequestConflict": (
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size"),
    "IllegalVersioningConfigurationException": (400, "The Versioning element must be specified"),
    "IllegalLocationConstraintException": (
        400,
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent "
        "to.",
    ),
    "IncompleteBody": (400, "You did not provide the number of bytes specified by the Content-Length HTTP header"),
    "InsufficientStorage": (507, "There is no room left on the disk."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketAclWithObjectOwnership": (
        400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    ),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid."),
    "InvalidEncryptionAlgorithmError": (
        400,
        "The encryption request you specified is not valid. The valid value is AES256.",
    ),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
    ),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order. Parts must be ordered by part number."),
    "InvalidPolicyDocument": (
        400,
        "The content of the form does not meet the conditions specified in the policy document.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidLocationConstraint": (400, "The specified location-constraint is not valid"),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidTag": (400, "The tag provided was not a valid tag."),
    "KMS.DisabledException": (400, "The key is disabled."),
    "KMS.KMSInvalidStateException": (400, "The key is pending deletion."),
    "KMS.NotFoundException": (400, "The key does not exist."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "MalformedACLError": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "MalformedPolicy": (400, "Policies must be valid JSON and the first byte must be '{'"),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MaxPostPreDataLengthExceededError": (
        400,
        "Your POST request fields preceding the upload file were too large.",
    ),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingSecurityHeader": (400, "Your request was missing a required header"),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchConfiguration": (404, "The specified configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found"),
    "MissingRequestBodyError": (400, "Request Body is empty"),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchUpload": (
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented"),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration"),
    "NotModified": (304, "Not Modified"),
    "ObjectLockConfigurationNotFoundError": (404, "Object Lock configuration does not exist for this bucket"),
    "OperationAborted": (
        409,
        "A conflicting conditional operation is currently in progress against this resource. Try again.",
    ),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found"),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404,
        "The server side encryption configuration was not found",
    ),
    "UnexpectedContent": (400, "This request does not support content"),
    "UnresolvableGrantByEmailAddress": (
        400,
        "The e-mail address you provided does not match any account on record.",
    ),
}
_KEYS: dict[type[Fault], str] = {
    KeyDisabled: "KMS.DisabledException",
    KeyPending: "KMS.KMSInvalidStateException",
    NoKey: "KMS.NotFoundException",
    NeedsKey: "InvalidRequest",
}


def fault(
    code: str, message: str | None = None, *, headers: Mapping[str, str] | None = None, **fields: Any
) -> WireError:
    """An error of the table, with its own text where none is given; `fields` are further elements of its XML."""
    status, text = TABLE[code]
    return WireError(code, message or text, status, fields=fields, headers=headers)


def translated(error: Fault, req: Mapping[str, Any], method: str) -> Fault:
    """A fault of the store as S3 says it; others as they are. `method` is what the request does: GET, PUT ..."""
    if isinstance(error, WireError):
        return error
    if isinstance(error, NoBucket):
        return fault("NoSuchBucket", BucketName=error.bucket)
    if isinstance(error, NoObject):
        return fault("NoSuchKey", Key=error.key, headers=error.marker and _of_marker(error.marker))
    if isinstance(error, NoVersion):
        return fault("NoSuchVersion", Key=error.key, VersionId=error.version or NULL)
    if isinstance(error, IsMarker):
        stamp = formatdate(math.floor(error.marker.modified), usegmt=True)
        headers = {"Allow": "DELETE", "Last-Modified": stamp, **_of_marker(error.marker)}
        return fault("MethodNotAllowed", Method=method, ResourceType="DeleteMarker", headers=headers)
    if isinstance(error, NoUpload):
        return fault("NoSuchUpload", UploadId=req.get("UploadId"))
    if (code := _KEYS.get(type(error))) is not None:
        return fault(code, error.message)
    if isinstance(error, InUse):
        return fault("BucketNotEmpty", BucketName=req.get("Bucket"))
    if isinstance(error, Denied):
        return fault("AccessDenied", error.message)
    return fault("InsufficientStorage", error.message) if isinstance(error, LimitReached) else error


def _of_marker(marker: Entry) -> dict[str, str]:
    """The headers that tell of a delete marker."""
    return {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version or NULL}
