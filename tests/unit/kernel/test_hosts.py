from __future__ import annotations

import pytest

from potager.kernel import hosts


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", True),
        ("s3.cn-north-1.amazonaws.com.cn", True),
        ("s3.us-east-1.api.aws", True),
        ("notamazonaws.com", False),
        ("amazonaws.com.example", False),
        ("aws.amazon.com", False),
        ("pypi.org", False),
    ],
)
def test_awss_names_are_known(host: str, expected: bool) -> None:
    assert hosts.is_aws(host) is expected


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        ("", []),
        ("*", []),
        ("amazonaws.com, .amazonaws.com,*.amazonaws.com,sts.us-east-1.amazonaws.com,s3.amazonaws.com:443", []),
        ("com,.aws,api.aws,amazonaws.com.cn", []),
        (
            "169.254.169.254,.internal,10.0.0.0/8,example.com,localhost",
            ["169.254.169.254", ".internal", "10.0.0.0/8", "example.com"],
        ),
        ("aws,corp:8080,notamazonaws.com", ["corp:8080", "notamazonaws.com"]),
    ],
)
def test_aws_is_never_exempt_from_the_proxy_and_this_machine_always_is(known: str, kept: list[str]) -> None:
    assert hosts.exemptions(known) == ["127.0.0.1", "localhost", "::1", *kept]
