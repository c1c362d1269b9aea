"""Where an object is, in the spellings that clients use.

s3://bucket/key                                     https://bucket.s3.us-east-1.amazonaws.com/key
https://s3.us-east-1.amazonaws.com/bucket/key       https://bucket.s3-us-west-2.amazonaws.com/key
"""

from __future__ import annotations

import re

from potager.kernel.errors import Invalid

_HOST = r"s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?"
_STYLES = (
    re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL),
    re.compile(rf"https://{_HOST}/(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL),
    re.compile(rf"https://(?P<bucket>[^/]+?)\.{_HOST}/(?P<key>.+)", re.DOTALL),
)


def s3(uri: str) -> tuple[str, str]:
    """Bucket and key, the key empty where there is none; `Invalid` for what names nothing in S3.

    >>> s3("s3://claims/train/a.csv"), s3("s3://claims")
    (('claims', 'train/a.csv'), ('claims', ''))
    """
    for style in _STYLES:
        if found := style.fullmatch(uri):
            return found["bucket"], found["key"] or ""
    raise Invalid(f"'{uri}' is not an S3 URI. Expected s3://bucket/key.")
