"""Who signed a form: the signature over its policy, of version 4 or, as boto3 writes it for old regions, of version 2.

The policy's text, base64 as it stands in the form, is all that is signed. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping

from potager.kernel.errors import WireError
from potager.kernel.names import REGION
from potager.wire import refusal
from potager.wire.credential import ALGORITHM
from potager.wire.sigv4 import Identity, Secrets, signing_key

NEW = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
OLD = ("awsaccesskeyid", "signature")
_SHOWN = {"awsaccesskeyid": "AWSAccessKeyId", "x-amz-algorithm": "X-Amz-Algorithm"}


def verify(fields: Mapping[str, str], secret_of: Secrets) -> Identity:
    """Who signed a form with these fields, by lower-case name; nobody where it has neither policy nor signature."""
    if not fields.keys() & {"policy", *NEW, *OLD}:
        return Identity("", "", "s3")
    names = OLD if fields.keys() & set(OLD) and not fields.keys() & set(NEW) else NEW
    for name in ("policy", *names):
        if not fields.get(name):
            raise missing(name)
    return _old(fields, secret_of) if names is OLD else _new(fields, secret_of)


def missing(name: str) -> WireError:
    """The error of a form without a field that it needs."""
    shown = _SHOWN.get(name, name)
    text = (
        f"Bucket POST must contain a field named '{shown}'.  If it is specified, please check the order of the fields."
    )
    return WireError("InvalidArgument", text, 400, fields={"ArgumentName": shown, "ArgumentValue": ""})


def _secret(key: str, secret_of: Secrets) -> str:
    secret = secret_of(key)
    if secret is None:
        raise refusal.of("rest-xml").unknown_key(key)
    return secret


def _new(fields: Mapping[str, str], secret_of: Secrets) -> Identity:
    parts = fields["x-amz-credential"].rsplit("/", 4)
    if fields["x-amz-algorithm"] != ALGORITHM:
        text = f'X-Amz-Algorithm only supports "{ALGORITHM}"'
        raise WireError("InvalidRequest", text, 400, fields={"ArgumentName": "X-Amz-Algorithm"})
    if len(parts) != 5 or parts[3:] != ["s3", "aws4_request"] or not REGION.fullmatch(parts[2]):
        text = (
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
        raise WireError("AuthorizationQueryParametersError", text, 400)
    key, date, region = parts[:3]
    signing = signing_key(_secret(key, secret_of), date, region, "s3")
    expected = hmac.digest(signing, _bytes(fields["policy"]), "sha256").hex()
    _compare(expected, fields["x-amz-signature"], fields["policy"])
    return Identity(key, region, "s3", fields.get("x-amz-security-token"))


def _old(fields: Mapping[str, str], secret_of: Secrets) -> Identity:
    key = fields["awsaccesskeyid"]
    expected = hmac.digest(_secret(key, secret_of).encode(), _bytes(fields["policy"]), "sha1")
    _compare(b64encode(expected).decode(), fields["signature"], fields["policy"])
    return Identity(key, "", "s3", fields.get("x-amz-security-token"))


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _compare(expected: str, given: str, policy: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise refusal.of("rest-xml").signature(b"", policy)
