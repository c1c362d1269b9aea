"""AWS resource names (ARNs): made and taken apart.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from potager.kernel.errors import Invalid

REGION = re.compile(r"[a-z]{2,4}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")
"""What a region's name looks like, whole; it stands in ARNs and in paths."""


class Scope(NamedTuple):
    """Where a resource lives; the same name may stand once in each scope."""

    account: str
    region: str


class Arn(NamedTuple):
    """The parts of an ARN; `resource` is all that follows the account, such as `training-job/fraud-1`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))

    @property
    def kind(self) -> str:
        """What stands before the first `/`, such as `training-job`."""
        return self.resource.partition("/")[0]

    @property
    def name(self) -> str:
        """What stands after the first `/`, such as `fraud-1`."""
        return self.resource.partition("/")[2]

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @classmethod
    def parse(cls, text: str) -> Arn:
        """The parts of `text`; `Invalid` when it is not an ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise Invalid(f"'{text}' is not an ARN. Expected arn:partition:service:region:account:resource.")
        return cls(*parts[1:])


def partition_of(region: str) -> str:
    """The partition that a region belongs to: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def arn(service: str, scope: Scope, resource: str) -> str:
    """The ARN of a resource, such as `arn:aws:sagemaker:us-east-1:000000000000:model/fraud`."""
    return str(Arn(partition_of(scope.region), service, scope.region, scope.account, resource))
