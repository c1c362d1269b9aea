from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import os
import sys
from pathlib import Path

import boto3
import pytest

from potager.cli import child

child.PROGRAM = {program!r}


def test_the_environment_leads_to_the_server(potager_env, potager_server):
    assert potager_env is potager_server
    assert os.environ["AWS_ENDPOINT_URL"] == potager_server.url
    assert "AWS_PROFILE" not in os.environ
    assert boto3.client("s3").meta.endpoint_url == potager_server.url


def test_the_environment_is_as_before(potager_server):
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["AWS_PROFILE"] == "work"


def test_a_fresh_server_is_another(potager_fresh_server, potager_server):
    assert potager_fresh_server.url != potager_server.url
    Path("fresh").write_text(str(potager_fresh_server.data))


def test_it_is_gone_with_its_test():
    assert not Path(Path("fresh").read_text()).exists()
"""


def test_the_plugins_fixtures_serve_a_project_of_somebody_elses(
    pytester: pytest.Pytester, stub: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    pytester.makepyfile(TESTS.format(program=stub))
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4)


def test_the_plugin_costs_nothing_until_a_fixture_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\ndef test_light(): assert 'potager.cli' not in sys.modules and 'boto3' not in sys.modules"
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)
