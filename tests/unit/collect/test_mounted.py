"""What a mounted bucket does not have is named as S3 names it."""

from __future__ import annotations

from potager.collect.s3 import service as s3
from potager.collect.s3.service import NOT_MOUNTED


def test_only_operations_that_are_served_are_refused_for_mounts() -> None:
    assert s3.operations.keys() >= NOT_MOUNTED
