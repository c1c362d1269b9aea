"""Channels of each format become tables; what cannot be is refused with its file, row and remedy."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn.datasets import load_svmlight_file

from potager.images.algorithm import libsvm, tables
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job
from potager.images.algorithm.libsvm import LibsvmFile
from potager.images.algorithm.tables import CSV, LIBSVM, PARQUET, RECORDIO, Layout, Table
from tests.unit.images.algorithm.test_recordio import SPARSE

TREES = Layout("trees", gaps=True, formats=(CSV, LIBSVM, PARQUET, RECORDIO), sparse=True, delimiters=True)
WEIGHED = Layout("trees", gaps=True, weights=True)


class Data:
    """Channels in a folder of their own."""

    def __init__(self, ml: Path) -> None:
        self.ml, self.channels = ml, dict[str, dict[str, str]]()

    def put(self, channel: str, content: str | bytes, kind: str = "", file: str = "part") -> Data:
        path = self.ml / "input" / "data" / channel / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.channels[channel] = {"ContentType": kind} if kind else {}
        return self

    def load(self, layout: Layout = TREES) -> dict[str, Table]:
        return tables.channels(Job(self.ml, {}, self.channels, "algo-1", ["algo-1"]), ("train", "validation"), layout)

    def train(self, layout: Layout = TREES) -> Table:
        return self.load(layout)["train"]

    def refusal(self, layout: Layout = TREES) -> str:
        with pytest.raises(ClientError) as error:
            self.load(layout)
        return str(error.value)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def columns(**values: list[float | None]) -> bytes:
    stream = pa.BufferOutputStream()
    parquet.write_table(pa.table(values), stream)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", ["", "text/libsvm", "text/x-libsvm", "libsvm", "text/libsvm; charset=utf8"])
def test_libsvm_rows_stay_sparse(data: Data, kind: str) -> None:
    table = data.put("train", "1 0:1.5 3:-2 # a remark\n\n0\n1 2:0 3:nan\n", kind).train()
    assert table.sparse
    assert (len(table), table.width, table.features.nnz) == (3, 4, 4)
    np.testing.assert_array_equal(table.features.toarray(), [[1.5, 0, 0, -2], [0, 0, 0, 0], [0, 0, 0, np.nan]])
    np.testing.assert_array_equal(table.labels, [1, 0, 1])
    assert table.weights is None
    assert table.groups is None


def test_libsvm_rows_may_have_weights_and_groups(data: Data) -> None:
    table = data.put("train", "1:0.5 qid:7 1:1\n0 qid:7 2:1\n2:3 qid:9 1:4", LIBSVM).train()
    np.testing.assert_array_equal(table.weights, np.array([0.5, 1, 3], np.float32))
    np.testing.assert_array_equal(table.groups, [7, 7, 9])
    np.testing.assert_array_equal(table.features.toarray(), [[0, 1, 0], [0, 0, 1], [0, 4, 0]])


def test_libsvm_is_read_in_blocks_of_whole_lines(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsvm, "_BLOCK", 7)
    table = data.put("train", "".join(f"{row % 2} {row}:{row}.25\n" for row in range(20)), LIBSVM).train()
    np.testing.assert_array_equal(table.features.toarray(), np.diag(np.arange(20) + 0.25))


@runs(deadline=None)  # the machine may be busy
@given(st.data())
def test_libsvm_reads_as_scikit_learn_reads_it(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    values = st.floats(-(2.0**99), 2.0**99, width=32)
    rows = data.draw(st.lists(st.dictionaries(st.integers(0, 50), values), min_size=1, max_size=8))
    rows[0][50] = 1.0
    lines = [f"{n} " + " ".join(f"{index}:{row[index]!r}" for index in sorted(row)) for n, row in enumerate(rows)]
    path = tmp_path_factory.mktemp("rows") / "rows.libsvm"
    path.write_text("\n".join(lines))
    file = LibsvmFile(path, "rows", True, lambda _: True, lambda _: None)
    theirs, labels = load_svmlight_file(path, zero_based=True, dtype=np.float32)
    ours = tables.sparse.matrix(file.parts(), 51)
    np.testing.assert_array_equal(ours.toarray(), theirs.toarray())
    np.testing.assert_array_equal(tables.sparse.labels(file.parts()), labels)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("1 0:1\nlabel 0:1\n", "train/part: row 2: 'label' is no label"),
        ("1 0:1\n\n1 0:red\n", "train/part: row 3: '0:red' is not index:value"),
        ("1 0:1\n1 3\n", "row 2: '3' is not index:value"),
        ("1 0:1\n1 -3:1\n", "row 2: '-3:1' is not index:value"),
        ("1 0:1\n1 qid:4 -1:1\n", "row 2: '-1:1' is not index:value"),
        ("1 0:1\n1 1.5:1\n", "row 2: '1.5:1' is not index:value"),
        ("1 0:1\n1 2147483648:1\n", "row 2: '2147483648:1' is not index:value"),
        ("1 0:1\n1 0:1:2\n", "row 2: '0:1:2' is not index:value"),
        ("1 0:1\n1 qid:x 0:1\n", "row 2: 'qid:x' is not qid:number"),
        ("1 0:1\n1 4:1e39\n", "row 2: feature 4: '1e39' is not a finite number"),
        ("1 0:1\n1:-2 4:1\n", "row 2: the weight '-2' is not a number of at least 0"),
        ("1 0:1\nnan 4:1\n", "row 2: label nan is not a finite number"),
        ("1\n0\n", "Channel 'train' names no feature"),
        ("\n\n", "holds no data"),
    ],
)
def test_a_fault_in_libsvm_is_named(data: Data, content: str, wrong: str) -> None:
    assert wrong in data.put("train", content, LIBSVM).refusal()


def test_a_feature_that_only_one_channel_names_is_one_of_all(data: Data) -> None:
    loaded = data.put("train", "1 0:1 1:2\n").put("validation", "1 4:1\n").load()
    assert [table.width for table in loaded.values()] == [5, 5]


def test_sparse_records_stay_so_where_the_layout_asks(data: Data) -> None:
    data.put("train", SPARSE)
    table = data.train()
    assert table.sparse
    np.testing.assert_array_equal(table.features.toarray(), [[0, -2, 0], [0, 0, 4.5]])
    assert table.features.nnz == 2
    np.testing.assert_array_equal(table.labels, [1, 0])
    dense = data.train(Layout("lines"))
    assert not dense.sparse
    np.testing.assert_array_equal(dense.features, table.features.toarray())


@pytest.mark.parametrize("kind", ["", "application/x-parquet", "parquet"])
def test_parquet_has_the_label_in_its_first_column_and_gaps_are_missing(data: Data, kind: str) -> None:
    table = data.put("train", columns(label=[1, 0], b=[0.5, None], a=[3, 4]), kind).train()
    np.testing.assert_array_equal(table.features, np.array([[0.5, 3], [np.nan, 4]], np.float32))
    np.testing.assert_array_equal(table.labels, [1, 0])


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (columns(label=[1, 2], a=[1, float("inf")]), "train/part: row 2, column 2: inf is not a finite number"),
        (columns(label=[1, None], a=[1, 2]), "train/part: row 2, column 1: label nan"),
        (columns(label=[1, 2]), "It needs a label's and at least one feature's"),
        (b"PAR1 and no more", "train/part: "),
    ],
    ids=["infinite", "unlabelled", "narrow", "cut off"],
)
def test_a_fault_in_parquet_is_named(data: Data, content: bytes, wrong: str) -> None:
    assert wrong in data.put("train", content).refusal()


def test_columns_of_words_are_refused_in_parquet(data: Data) -> None:
    stream = pa.BufferOutputStream()
    parquet.write_table(pa.table({"label": [1, 0], "colour": ["red", "blue"]}), stream)
    assert "the column 'colour' is of string" in data.put("train", stream.getvalue().to_pybytes()).refusal()


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " "])
def test_the_first_line_says_what_stands_between_cells(data: Data, mark: str) -> None:
    table = data.put("train", "1,2,3\n0,4.5,6\n".replace(",", mark), CSV).train()
    np.testing.assert_array_equal(table.features, np.array([[2, 3], [4.5, 6]], np.float32))


def test_the_column_after_the_label_may_be_a_weight(data: Data) -> None:
    data.put("train", "1,0.5,2,3\n0,2,4,\n").put("validation", "1,7,8\n")
    loaded = data.load(WEIGHED)
    np.testing.assert_array_equal(loaded["train"].features, np.array([[2, 3], [4, np.nan]], np.float32))
    np.testing.assert_array_equal(loaded["train"].weights, np.array([0.5, 2], np.float32))
    assert loaded["validation"].weights is None
    loaded = data.put("validation", "1,0.25,7,8\n").load(WEIGHED)
    np.testing.assert_array_equal(loaded["validation"].weights, np.array([0.25], np.float32))


@pytest.mark.parametrize("weight", ["-1", "", "nan"])
def test_a_weight_that_is_none_is_refused(data: Data, weight: str) -> None:
    refusal = data.put("train", f"1,1,2,3\n0,{weight},4,5\n").refusal(WEIGHED)
    assert "train/part: row 2, column 2: the weight" in refusal


@pytest.mark.parametrize(
    ("content", "kind", "wrong"),
    [
        ("1,2\n", "application/x-parquet", "is declared application/x-parquet, but holds something else"),
        (columns(label=[1], a=[2]), CSV, "is declared text/csv, but holds application/x-parquet"),
        (gzip.compress(b"1,2\n"), "", "is compressed with gzip"),
        ("1,2\n", "image/png", "ContentType 'image/png' cannot be trained on. Use text/csv, text/libsvm, "),
    ],
    ids=["no parquet", "no csv", "compressed", "unknown"],
)
def test_a_channel_that_is_not_what_it_says_is_refused(data: Data, content: str, kind: str, wrong: str) -> None:
    assert wrong in data.put("train", content, kind).refusal()


def test_a_format_that_the_layout_has_not_is_refused(data: Data) -> None:
    assert "holds application/x-parquet, which cannot" in data.put("train", columns(a=[1], b=[2])).refusal(Layout("x"))


def test_a_channel_of_dense_and_sparse_files_is_refused(data: Data) -> None:
    data.put("train", "1 0:2\n", file="a").put("train", "1,2\n", file="b")
    assert "Channel 'train' mixes formats: train/a is sparse, train/b is not" in data.refusal()


def test_files_of_hadoop_and_spark_are_no_data(data: Data) -> None:
    data.put("train", "1,2\n").put("train", "ok", file="_SUCCESS").put("train", "crc", file=".part.crc")
    assert len(data.train()) == 1
