"""Which pages of other origins may use a bucket: the rules of its CORS configuration, and the headers that say so.

A rule fits a request by its origin and method, and by the headers that a preflight asks for; the first that fits is
taken. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from potager.collect.s3.faults import fault
from potager.kernel.globs import glob, matches
from potager.store.objects import Bucket

CORS = "CORSConfiguration"
"""Under which a bucket's document has its rules."""

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
MOST = 100
"""Rules of one bucket."""
LONGEST_ID = 255

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.6.2): whatever else is told to a browser could end its line."""

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

Rule = Mapping[str, Any]


def checked(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, if S3 takes them; else `MalformedXML` or `InvalidRequest`."""
    if not rules:
        raise fault("MalformedXML")
    if len(rules) > MOST:
        raise fault("InvalidRequest", f"The number of CORS rules should not exceed allowed limit of {MOST} rules.")
    for rule in rules:
        _check(rule)
    return list(rules)


def _check(rule: Rule) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
        raise fault("MalformedXML")
    for method in rule["AllowedMethods"]:
        if method not in METHODS:
            text = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise fault("InvalidRequest", text)
    for member, name in (("AllowedOrigins", "AllowedOrigin"), ("AllowedHeaders", "AllowedHeader")):
        for text in rule.get(member, ()):
            if text.count("*") > 1:
                raise fault("InvalidRequest", f'{name} "{text}" can not have more than one wildcard.')
    for text in rule.get("ExposeHeaders", ()):
        if "*" in text:
            why = f'ExposeHeader "{text}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            raise fault("InvalidRequest", why)
        if not _NAME.fullmatch(text):
            raise fault("InvalidRequest", f'ExposeHeader "{text}" is not the name of a header.')
    if len(rule.get("ID", "")) > LONGEST_ID:
        raise fault("InvalidRequest", f"The ID of a CORS rule should not be longer than {LONGEST_ID} characters.")
    if rule.get("MaxAgeSeconds", 0) < 0:
        raise fault("InvalidRequest", "MaxAgeSeconds of a CORS rule should not be negative.")


def rules(bucket: Bucket) -> Sequence[Rule]:
    """The rules of a bucket, none where it has no configuration."""
    return bucket.doc.get(CORS, {}).get("CORSRules", ())


def allowed(bucket: Bucket, origin: str, method: str, wanted: Sequence[str] = ()) -> list[tuple[str, str]] | None:
    """The headers that let a page use an answer; None where no rule fits its origin, method and headers."""
    for rule in rules(bucket):
        found = next((text for text in rule["AllowedOrigins"] if _fits(text, origin)), None)
        if found is None or method not in rule["AllowedMethods"]:
            continue
        if all(any(_fits(text.lower(), name) for text in rule.get("AllowedHeaders", ())) for name in wanted):
            return _headers(rule, "*" if found == "*" else origin, wanted)
    return None


def _headers(rule: Rule, origin: str, wanted: Sequence[str]) -> list[tuple[str, str]]:
    headers = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if wanted:
        headers.append(("Access-Control-Allow-Headers", ", ".join(wanted)))
    if exposed := rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(exposed)))
    if "MaxAgeSeconds" in rule:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    if origin != "*":
        headers.append(("Access-Control-Allow-Credentials", "true"))
    return [*headers, ("Vary", VARY)]


def names(header: str | None) -> list[str]:
    """The header names of an `Access-Control-Request-Headers`, in lower case."""
    return [name for part in (header or "").split(",") if (name := part.strip().lower())]


def _fits(pattern: str, text: str) -> bool:
    found = glob(pattern.replace("?", "${?}") if "?" in pattern else pattern, {})
    return found is not None and matches(found, text)
