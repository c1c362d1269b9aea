"""Step 2 of the road: a bucket, and the raw file in it. The bucket also takes the training channels and the model."""

from pathlib import Path

from aws import Aws, is_absent
from botocore.exceptions import ClientError


def make_bucket(aws: Aws, bucket: str) -> None:
    """Create a bucket in the session's region (us-east-1 is the one region that must not be named)."""
    if aws.region == "us-east-1":
        aws.s3.create_bucket(Bucket=bucket)
    else:
        aws.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})


def upload(aws: Aws, bucket: str, key: str, path: Path) -> str:
    """Copy a file into the bucket, in parts if it is large; returns its S3 URI."""
    aws.s3.upload_file(str(path), bucket, key)
    return f"s3://{bucket}/{key}"


def put_text(aws: Aws, bucket: str, key: str, text: str) -> str:
    """Store a text in the bucket; returns its S3 URI."""
    aws.s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/csv")
    return f"s3://{bucket}/{key}"


def delete_bucket(aws: Aws, bucket: str) -> bool:
    """Delete the bucket with all that is in it; tells whether it was there."""
    try:
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if keys:
                aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        aws.s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True
