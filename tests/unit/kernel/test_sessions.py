from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from potager.kernel.sessions import Session, Sessions

SESSION = Session("training-job", "000000000000", "us-east-1", "fraud-1", "job-abc")


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(b"secret", "http://127.0.0.1:8484")


def test_a_token_names_the_session_that_it_was_made_for(sessions: Sessions) -> None:
    keys = sessions.credentials(SESSION)
    assert sessions.session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SESSION_TOKEN"]) == SESSION
    assert sessions.secret_of(keys["AWS_ACCESS_KEY_ID"]) == keys["AWS_SECRET_ACCESS_KEY"]


def test_keys_look_like_aws_s(sessions: Sessions) -> None:
    keys = sessions.credentials(SESSION)
    assert keys["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert (len(keys["AWS_ACCESS_KEY_ID"]), len(keys["AWS_SECRET_ACCESS_KEY"])) == (20, 40)


def test_another_server_process_makes_the_same_ones(sessions: Sessions) -> None:
    assert Sessions(b"secret", "http://elsewhere").credentials(SESSION) == sessions.credentials(SESSION)


def test_another_secret_knows_nothing_of_them(sessions: Sessions) -> None:
    keys = sessions.credentials(SESSION)
    other = Sessions(b"another", "http://127.0.0.1:8484")
    assert other.secret_of(keys["AWS_ACCESS_KEY_ID"]) is None
    assert other.session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SESSION_TOKEN"]) is None


def test_a_token_of_another_job_does_not_fit(sessions: Sessions) -> None:
    mine = sessions.credentials(SESSION)
    theirs = sessions.credentials(Session("training-job", "000000000000", "us-east-1", "fraud-2", "job-def"))
    assert sessions.session(mine["AWS_ACCESS_KEY_ID"], theirs["AWS_SESSION_TOKEN"]) is None


@pytest.mark.parametrize("key", ["", "ASIA", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "é" * 20])
def test_a_key_that_is_not_ours_has_no_secret(sessions: Sessions, key: str) -> None:
    assert sessions.secret_of(key) is None


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "é.é", "bm9uZQ==.bm9uZQ==", "no token"])
def test_a_text_that_is_no_token_names_no_session(sessions: Sessions, token: str) -> None:
    assert sessions.session(sessions.credentials(SESSION)["AWS_ACCESS_KEY_ID"], token) is None


def test_clients_pass_by_a_proxy_on_their_way_here(sessions: Sessions) -> None:
    told = sessions.surroundings("eu-west-1", {"NO_PROXY": "intranet"})
    assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8484"
    assert told["AWS_REGION"] == told["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert told["NO_PROXY"] == told["no_proxy"] == "127.0.0.1,localhost,::1,intranet"


class Bundle:
    folder = Path("/data/ca/trust")
    variables: Mapping[str, str] = {"AWS_CA_BUNDLE": "/data/ca/trust/bundle.pem"}


@pytest.fixture
def proxied() -> Sessions:
    return Sessions(b"secret", "http://127.0.0.1:8484", Bundle())


def test_a_program_is_led_to_aws_s_names_by_a_secret(proxied: Sessions) -> None:
    environment, secrets = proxied.inside(SESSION, {"MINE": "yes"})
    assert (environment["AWS_CA_BUNDLE"], environment["MINE"]) == ("/data/ca/trust/bundle.pem", "yes")
    assert not {"HTTPS_PROXY", "https_proxy"} & environment.keys()
    proxy = urlsplit(secrets["HTTPS_PROXY"])
    assert (proxy.scheme, proxy.hostname, proxy.port) == ("http", "127.0.0.1", 8484)
    assert proxied.guest(unquote(proxy.username or ""), unquote(proxy.password or "")) == SESSION


def test_keys_and_a_proxy_of_the_users_own_are_left_alone(proxied: Sessions) -> None:
    _, secrets = proxied.inside(SESSION, {"AWS_ACCESS_KEY_ID": "AKIA", "https_proxy": "http://corporate:3128"})
    assert secrets == {}


def test_a_login_of_another_session_or_of_another_server_is_nobodys(proxied: Sessions) -> None:
    user, password = proxied.login(SESSION)
    other, theirs = proxied.login(Session("training-job", "000000000000", "us-east-1", "fraud-2", "job-def"))
    assert proxied.guest(user, theirs) is proxied.guest(other, password) is None
    assert Sessions(b"another", "http://127.0.0.1:8484").guest(user, password) is None
    assert proxied.guest("no login", "é") is None
