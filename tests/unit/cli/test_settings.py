from __future__ import annotations

from pathlib import Path

import pytest

from potager.cli import reference
from potager.cli.settings import folder, load
from potager.kernel.errors import Invalid
from potager.kernel.settings import Settings, declared

PAGE = Path(__file__).parents[3] / "docs/reference/settings.md"


def file(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "given.toml"
    path.write_text(text)
    return {"config": str(path)}


def test_an_option_wins_over_a_variable_and_that_over_a_line_of_the_file(tmp_path: Path) -> None:
    options = file(tmp_path, 'port = 1\nregion = "eu-west-1"\naccount_id = "111111111111"\n')
    environ = {"POTAGER_PORT": "2", "POTAGER_REGION": "eu-west-2"}
    settings = load(options | {"port": "3"}, environ)
    assert (settings.port, settings.region, settings.account_id) == (3, "eu-west-2", "111111111111")


def test_the_defaults_are_those_of_the_declarations() -> None:
    settings = load({}, {})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.region) == ("127.0.0.1", 8484, "us-east-1")
    assert settings.account_id == "000000000000"
    assert settings.data == Path.home() / ".potager"


def test_an_empty_variable_counts_as_absent() -> None:
    assert load({}, {"POTAGER_PORT": "", "POTAGER_DATA": ""}) == Settings()


def test_the_data_folders_own_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "potager.toml").write_text("port = 7000")
    assert load({"data": str(tmp_path)}, {}).port == 7000
    assert load({}, {"POTAGER_DATA": str(tmp_path)}).port == 7000


def test_a_named_file_may_name_the_data_folder_and_replaces_the_folders_own(tmp_path: Path) -> None:
    (tmp_path / "potager.toml").write_text("port = 7000")
    options = file(tmp_path, f'data = "{tmp_path}"')
    settings = load({}, {"POTAGER_CONFIG": options["config"]})
    assert (settings.data, settings.port) == (tmp_path, 8484)
    assert folder({}, {"POTAGER_CONFIG": options["config"]}) == tmp_path


def test_the_data_folders_own_file_cannot_move_the_folder(tmp_path: Path) -> None:
    (tmp_path / "potager.toml").write_text('data = "/elsewhere"')
    with pytest.raises(Invalid, match="'data' cannot stand in the data folder's own file"):
        load({"data": str(tmp_path)}, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regoin = 'eu-west-1'", r"given.toml: unknown key 'regoin' \(did you mean 'region'\?\)"),
        ("account_id = '12'", r"given.toml, account_id: '12' is not an account id of 12 digits"),
        ("port = 70000", r"given.toml, port: '70000' is not a port"),
        ("port = true", "port = True is not a text or a whole number"),
        ("port = ", "not a TOML file"),
        ("[server]\nport = 1", "unknown key 'server'"),
    ],
)
def test_a_mistake_in_the_file_names_file_key_and_value(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        load(file(tmp_path, text), {})


def test_a_file_that_is_not_there_is_an_error_when_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot read the settings: No such file"):
        load({"config": str(tmp_path / "absent.toml")}, {})


def test_a_yes_may_be_written_in_the_ways_that_people_write_it(tmp_path: Path) -> None:
    for text in ("tls = true", 'tls = "yes"', 'tls = "On"'):
        assert load(file(tmp_path, text), {}).secure
    assert load({}, {"POTAGER_TLS": "1"}).tls
    assert not load({"tls": "no"}, {"POTAGER_TLS": "1"}).secure
    with pytest.raises(Invalid, match="tls = 1 is not true or false"):
        load(file(tmp_path, "tls = 1"), {})
    with pytest.raises(Invalid, match="POTAGER_TLS: 'perhaps' is not yes or no"):
        load({}, {"POTAGER_TLS": "perhaps"})


def test_a_certificate_turns_tls_on_and_names_are_a_list() -> None:
    settings = load({"tls_certificate": "/c.pem", "tls_names": "a.example, 10.0.0.1,"}, {})
    assert settings.secure
    assert settings.tls_names == ("a.example", "10.0.0.1")
    with pytest.raises(Invalid, match="--s3-domain: '-x' is not a domain"):
        load({"s3_domain": "-x"}, {})


def test_a_mistake_in_an_option_or_a_variable_names_it() -> None:
    with pytest.raises(Invalid, match=r"^--port: 'http' is not a port"):
        load({"port": "http"}, {})
    with pytest.raises(Invalid, match=r"^POTAGER_ISOLATION: 'docker' is not one of auto, namespaces, none"):
        load({}, {"POTAGER_ISOLATION": "docker"})


def test_a_bad_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(Invalid) as caught:
        load({"secret_access_key": "pässword"}, {})
    assert "pässword" not in caught.value.message


def test_every_setting_is_documented_as_it_is_declared() -> None:
    page = PAGE.read_text("utf-8")
    assert reference.renewed(page) == page, "run: python -m potager.cli.reference docs/reference/settings.md"
    for setting in declared():
        assert f"`{setting.option}`" in page
        assert f"`{setting.variable}`" in page
