from pathlib import PurePosixPath

import pytest

from potager.store.inputs import below, inside
from potager.store.manifests import BadInput, manifest, split_uri


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("train/", "train/a.csv", "a.csv"),
        ("train/", "train/2024/a.csv", "2024/a.csv"),
        ("train", "train/a.csv", "a.csv"),
        ("train/a.csv", "train/a.csv", "a.csv"),
        ("tr", "train.csv", "train.csv"),
        ("data/tr", "data/train/a.csv", "train/a.csv"),
        ("", "a/b.csv", "a/b.csv"),
    ],
)
def test_an_object_stands_below_its_channel_as_its_key_below_the_prefix(prefix: str, key: str, path: str) -> None:
    assert below(prefix, key) == PurePosixPath(path)


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "a/\0b", ""])
def test_a_key_that_would_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        inside(name)


def test_a_manifest_has_a_prefix_and_names() -> None:
    assert manifest("s3://b/m", b'[{"prefix": "s3://b/p/"}, "x", "y/z"]') == ("s3://b/p/", ["x", "y/z"])


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'["x"]', b'[{"prefix": 3}]', b'[{"prefix": "s3://b/"}, 7]', b"\xff"]
)
def test_a_bad_manifest_is_refused_by_its_uri(data: bytes) -> None:
    with pytest.raises(BadInput, match="s3://b/m"):
        manifest("s3://b/m", data)


@pytest.mark.parametrize("uri", ["b/key", "https://b/key", "s3://", "s3:///key"])
def test_what_is_no_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadInput, match="not an S3 URI"):
        split_uri(uri)
