import contextlib
import io
import tarfile
from pathlib import Path

import pytest

from potager.deploy.artifact import BadArtifact, data, split, unpack
from potager.kernel.errors import Invalid, Unserved


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_an_artifact_is_unpacked(tmp_path: Path) -> None:
    unpack(archive(tmp_path / "m.tar.gz", (tarfile.TarInfo("code/model.bin"), b"weights")), tmp_path / "out")
    assert (tmp_path / "out/code/model.bin").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_a_member_that_would_leave_the_folder_stays_inside_or_is_refused(tmp_path: Path, name: str) -> None:
    file = archive(tmp_path / "m.tar.gz", (tarfile.TarInfo(name), b"x"))
    with contextlib.suppress(BadArtifact):
        unpack(file, tmp_path / "deep" / "out")
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "deep" / "escaped").exists()


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(BadArtifact):
        unpack(archive(tmp_path / "m.tar.gz", (link, b"")), tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b\x08\x00torn"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.tar.gz").write_bytes(data)
    with pytest.raises(BadArtifact, match="archive"):
        unpack(tmp_path / "m.tar.gz", tmp_path / "out")


@pytest.mark.parametrize(
    "url",
    [
        "s3://claims/a/model.tar.gz",
        "https://claims.s3.us-east-1.amazonaws.com/a/model.tar.gz",
        "https://claims.s3-us-west-2.amazonaws.com/a/model.tar.gz",
        "https://claims.s3.amazonaws.com/a/model.tar.gz",
        "https://s3.us-east-1.amazonaws.com/claims/a/model.tar.gz",
        "https://s3-us-west-2.amazonaws.com/claims/a/model.tar.gz",
    ],
)
def test_an_artifact_may_be_named_in_each_style_that_is_seen_in_the_wild(url: str) -> None:
    assert split(url) == ("claims", "a/model.tar.gz")


@pytest.mark.parametrize("url", ["s3://claims", "file:///etc/passwd", "https://example.com/x", ""])
def test_what_names_no_object_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match=r"names no object|not an S3 URI"):
        split(url)


def source(kind: str, packed: str, **more: object) -> dict[str, object]:
    given = {"S3Uri": "s3://claims/a", "S3DataType": kind, "CompressionType": packed} | more
    return {"ModelDataSource": {"S3DataSource": given}}


def test_a_models_data_is_an_archive_or_what_is_not_packed() -> None:
    assert data({}) is None
    assert data({"ModelDataUrl": "s3://claims/m.tar.gz"}) == "s3://claims/m.tar.gz"
    assert data(source("S3Object", "Gzip")) == "s3://claims/a"
    assert data(source("S3Object", "None")) == {"S3Uri": "s3://claims/a", "S3DataType": "S3Object"}
    assert data(source("S3Prefix", "None")) == {"S3Uri": "s3://claims/a", "S3DataType": "S3Prefix"}


def test_what_is_not_laid_out_is_refused_by_name() -> None:
    with pytest.raises(Unserved, match="S3Prefix with Gzip"):
        data(source("S3Prefix", "Gzip"))
    with pytest.raises(Unserved, match="ManifestS3Uri is not served"):
        data(source("S3Prefix", "None", ManifestS3Uri="s3://claims/manifest"))
