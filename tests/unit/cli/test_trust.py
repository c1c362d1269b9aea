from __future__ import annotations

from pathlib import Path

import pytest

from potager.cli import trust

OURS, CORPORATE, OTHER = (f"-----BEGIN CERTIFICATE-----\n{name}\n".encode() for name in ("ours", "corporate", "other"))


@pytest.fixture
def corporate(tmp_path: Path) -> Path:
    path = tmp_path / "corporate.pem"
    path.write_bytes(CORPORATE)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def test_every_client_trusts_us_and_what_it_trusted_before(folder: Path, corporate: Path) -> None:
    files = trust.variables(OURS, folder, {"REQUESTS_CA_BUNDLE": str(corporate)})
    assert set(files) == {*trust.ALWAYS, *trust.ADDED}
    requests = Path(files["REQUESTS_CA_BUNDLE"]).read_bytes()
    assert requests.startswith(OURS)
    assert CORPORATE in requests
    assert requests.count(trust.BEGIN) == 2


def test_a_client_that_was_told_nothing_keeps_its_defaults(folder: Path) -> None:
    files = trust.variables(OURS, folder, {})
    content = Path(files["AWS_CA_BUNDLE"]).read_bytes()
    assert OURS in content
    assert content.count(trust.BEGIN) > 50  # Mozilla's list


def test_what_node_reads_beside_its_own_list_holds_no_more_than_ours(folder: Path) -> None:
    assert Path(trust.variables(OURS, folder, {})["NODE_EXTRA_CA_CERTS"]).read_bytes().strip() == OURS.strip()


def test_a_variable_that_few_use_is_set_only_where_it_was(folder: Path, corporate: Path) -> None:
    files = trust.variables(OURS, folder, {"PIP_CERT": str(corporate), "GIT_SSL_CAINFO": ""})
    assert CORPORATE in Path(files["PIP_CERT"]).read_bytes()
    assert "GIT_SSL_CAINFO" not in files


def test_a_folder_of_certificates_counts_too(folder: Path, corporate: Path, tmp_path: Path) -> None:
    certificates = tmp_path / "certs"
    (certificates / "sub").mkdir(parents=True)
    (certificates / "a.pem").write_bytes(CORPORATE)
    (certificates / "b.crt").write_bytes(OTHER)
    (certificates / "notes.txt").write_text("no certificate")
    content = Path(trust.variables(OURS, folder, {"REQUESTS_CA_BUNDLE": str(certificates)})["REQUESTS_CA_BUNDLE"])
    assert content.read_bytes().count(trust.BEGIN) == 3


def test_a_file_that_is_gone_leaves_ours(folder: Path) -> None:
    files = trust.variables(OURS, folder, {"AWS_CA_BUNDLE": "/nowhere/ca.pem"})
    assert Path(files["AWS_CA_BUNDLE"]).read_bytes().strip() == OURS.strip()
