"""Whom the road talks to: boto3 clients, the role that jobs run as, and how often it is polite to ask.

Nothing here names a server. boto3 reads its own configuration: `AWS_ENDPOINT_URL`, keys and a region in the
environment lead to Potager (`potager run` and `potager env` set them), a profile without an endpoint to AWS.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError
from errors import RoadError

AWS_SUFFIXES = {  # by botocore's partition: where its registries and endpoints live
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-f": "csp.hci.ic.gov",
}
ABSENT = {"404", "NoSuchBucket", "ResourceNotFound"}
ABSENT_WORDS = ("Could not find", "not found")  # SageMaker says it in a ValidationException
LONGEST_WAIT = 3600  # seconds for one job or endpoint


@dataclass
class Aws:
    """The clients of one run, each made when it is first asked for."""

    session: boto3.Session

    @cached_property
    def s3(self) -> Any:
        return self.session.client("s3")

    @cached_property
    def sagemaker(self) -> Any:
        return self.session.client("sagemaker")

    @cached_property
    def runtime(self) -> Any:
        return self.session.client("sagemaker-runtime")

    @cached_property
    def logs(self) -> Any:
        return self.session.client("logs")

    @property
    def region(self) -> str:
        if not self.session.region_name:
            raise RoadError("No region is set. Set AWS_DEFAULT_REGION, for example to us-east-1.")
        return self.session.region_name

    @property
    def suffix(self) -> str:
        """The domain of the region's image registry."""
        partition = self.session.get_partition_for_region(self.region)
        return AWS_SUFFIXES.get(partition, "amazonaws.com")

    @property
    def place(self) -> str:
        region = self.region  # first, for its own words on a missing one
        return f"{self.sagemaker.meta.endpoint_url} ({region})"

    @property
    def waiter(self) -> dict[str, Any]:
        """How a waiter asks: five times a second on our own ground, every ten seconds on AWS, which limits the rate."""
        on_aws = "amazonaws.com" in self.sagemaker.meta.endpoint_url
        delay = 10 if on_aws else 0.2
        return {"Delay": delay, "MaxAttempts": int(LONGEST_WAIT / delay)}

    def role(self, given: str | None) -> str:
        """The ARN of the role that SageMaker runs the job as: given, from the environment, or the caller's own.

        The caller's own is what the SDK's ``get_execution_role()`` finds: the role behind an assumed-role session.
        """
        role = given or os.environ.get("SAGEMAKER_ROLE_ARN")
        if role:
            return role
        caller = self.session.client("sts").get_caller_identity()["Arn"]
        if ":assumed-role/" not in caller:
            raise RoadError(f"{caller} is no role. Name the role for the jobs with --role or SAGEMAKER_ROLE_ARN.")
        name = caller.split("/")[1]
        return self.session.client("iam").get_role(RoleName=name)["Role"]["Arn"]


def is_absent(error: ClientError) -> bool:
    """Whether an error says that the thing is not there, in any of the ways that S3 and SageMaker have of saying so."""
    told = error.response.get("Error", {})
    return told.get("Code") in ABSENT or any(words in told.get("Message", "") for words in ABSENT_WORDS)
