"""Tables in every format that our images take and give, and what is said of one that is none."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from potager.images import media, npy, parquet
from potager.images.algorithm import record, recordio
from potager.images.algorithm.errors import BadRequest
from potager.images.linear_learner.artifact import Description, Model
from potager.images.linear_learner.serve import Predictor
from potager.images.python import formats
from potager.images.python.errors import Refused
from potager.images.xgboost.serve import load
from potager.kernel.prediction import Query

TABLE = np.array([[1.5, -2.0, 0.25], [0.5, 3.0, 1e-3]], np.float32)
LINES = b"[1.5, -2.0, 0.25]\n\n[0.5, 3.0, 0.001]\n"
FEATURES = b'{"features": [1.5, -2.0, 0.25]}\n{"data": {"features": {"values": [0.5, 3.0, 0.001]}}}'


def parquet_of(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def columns(table: Any) -> dict[str, Any]:
    return {f"c{at}": column for at, column in enumerate(table.T)}


def read_parquet(body: bytes) -> dict[str, list[Any]]:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pydict()


BODIES: list[tuple[bytes, str]] = [
    (b"1.5,-2.0,0.25\n0.5,3.0,0.001", "text/csv"),
    (json.dumps({"instances": [{"features": row} for row in TABLE.astype(float).tolist()]}).encode(), media.JSON),
    (FEATURES, media.JSONLINES),
    (FEATURES, media.X_JSONLINES),
    (recordio.encode({"values": TABLE}, {}), media.RECORDIO),
    (parquet_of(**columns(TABLE)), media.PARQUET),
    (parquet_of(**columns(TABLE)), media.APACHE_PARQUET),
    (npy.write(TABLE), media.NPY),
    (npy.write(TABLE.astype(np.float64)), "application/x-npy; version=1"),
]


@pytest.mark.parametrize(("body", "kind"), [*BODIES[2:], (LINES, media.JSONLINES)])
def test_the_default_handlers_read_every_format_as_the_same_table(body: bytes, kind: str) -> None:
    np.testing.assert_allclose(formats.decode(formats.content(body, kind), kind), TABLE, rtol=1e-6)


@pytest.fixture
def linear() -> Predictor:
    return Predictor(Model(Description("regressor", "squared_loss", 3, 2), np.ones((1, 3)), np.zeros(1), 0.0))


@pytest.fixture
def trees(tmp_path: Path) -> Any:
    random = np.random.default_rng(0)
    rows = random.normal(size=(100, 3)).astype(np.float32)
    one = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows.sum(axis=1)), 5)
    one.save_model(tmp_path / "xgboost-model.json")
    return load(tmp_path)


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_linear_learner_and_xgboost_read_every_format_as_the_same_rows(
    linear: Predictor, trees: Any, body: bytes, kind: str
) -> None:
    for predictor in (linear, trees):
        wanted = json.loads(predictor.predict(*BODIES[0], media.JSON)[0])["predictions"]
        found = json.loads(predictor.predict(body, kind, media.JSON)[0])["predictions"]
        assert [one["score"] for one in found] == pytest.approx([one["score"] for one in wanted], rel=1e-6)


def test_what_is_null_is_missing_to_xgboost_and_refused_by_linear_learner(linear: Predictor, trees: Any) -> None:
    wanted = trees.predict(b"1,,2", "text/csv", "")
    body = parquet_of(a=[1], b=pyarrow.array([None], pyarrow.int32()), c=[2.0], __index_level_0__=[7])
    assert trees.predict(body, media.PARQUET, "") == wanted
    assert trees.predict(b'{"features": [1, null, 2]}', media.JSONLINES, "") == wanted
    with pytest.raises(BadRequest, match="Row 1, column 2: nan is not a finite number"):
        linear.predict(body, media.PARQUET, "")


def test_xgboost_answers_in_every_format(trees: Any) -> None:
    scores = [one["score"] for one in json.loads(trees.predict(*BODIES[0], media.JSON)[0])["predictions"]]
    assert read_parquet(trees.predict(*BODIES[0], media.PARQUET)[0]) == {"score": scores}
    assert npy.read(trees.predict(*BODIES[0], media.NPY)[0]).tolist() == scores
    body, kind = trees.predict(*BODIES[0], media.RECORDIO)
    assert kind == media.RECORDIO
    assert [one.label["score"].values.tolist() for one in records(body)] == [[score] for score in scores]


def test_linear_learner_answers_in_every_format(linear: Predictor) -> None:
    wanted = pytest.approx(TABLE.sum(axis=1).tolist())
    assert read_parquet(linear.predict(*BODIES[0], media.APACHE_PARQUET)[0]) == {"score": wanted}
    assert npy.read(linear.predict(*BODIES[0], media.NPY)[0])[:, 0].tolist() == wanted
    classes = Predictor(Model(Description("multiclass_classifier", "softmax_loss", 3, 2), np.eye(3), np.zeros(3), 0.0))
    found = read_parquet(classes.predict(*BODIES[0], media.PARQUET)[0])
    assert found["predicted_label"] == [0, 1]
    assert [len(row) for row in found["score"]] == [3, 3]
    assert npy.read(classes.predict(*BODIES[0], media.NPY)[0]).shape == (2, 4)


def test_linear_learner_answers_requests_together_as_each_by_itself(linear: Predictor) -> None:
    bodies = [b"1,2,3", b"4,5,6\n7,8,9", b"0,0,0"]
    for accept in ("", media.CSV, media.JSONLINES):
        together = linear.predict_many([Query(body, "text/csv", accept) for body in bodies])
        assert [(one.body, one.content_type) for one in together] == [
            linear.predict(body, "text/csv", accept) for body in bodies
        ]
    with pytest.raises(BadRequest, match="2 columns"):
        linear.predict_many([Query(b"1,2,3", "text/csv"), Query(b"1,2", "text/csv")])


@pytest.mark.parametrize("rows", [TABLE, TABLE[:, 0], np.array([1, 2]), np.array([True, False])])
def test_predictions_are_written_in_every_format(rows: Any) -> None:
    lines, _ = formats.encode(rows, media.JSONLINES)
    assert [json.loads(line) for line in lines.splitlines()] == rows.tolist()
    found = read_parquet(formats.encode(rows, media.PARQUET)[0])
    names = ["prediction"] if rows.ndim == 1 else ["prediction_0", "prediction_1", "prediction_2"]
    assert list(found) == names
    np.testing.assert_array_equal(np.array(list(found.values())).T.reshape(rows.shape), rows)
    body, _ = formats.encode(rows, media.RECORDIO)
    scores = [one.label["score"].values for one in records(body)]
    np.testing.assert_array_equal(np.array(scores).reshape(rows.shape), rows.astype(np.float32))


def records(body: bytes) -> list[record.Record]:
    found: list[record.Record] = []
    while body:
        size = int.from_bytes(body[4:8], "little")
        found.append(record.parse(body[8 : 8 + size]))
        body = body[8 + -(-size // 4) * 4 :]
    return found


def test_labels_that_are_words_are_lines_and_parquet_but_no_record() -> None:
    words = np.array(["yes", "no"], object)
    assert formats.encode(words, media.JSONLINES)[0] == b'"yes"\n"no"\n'
    assert read_parquet(formats.encode(words, media.PARQUET)[0]) == {"prediction": ["yes", "no"]}
    with pytest.raises(Refused, match="no table of numbers") as refused:
        formats.encode(words, media.RECORDIO)
    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"PAR1", media.PARQUET, "cannot be read"),
        (parquet_of(a=[1.0], name=["x"], c=[1.0]), media.PARQUET, "the column 'name' is of string"),
        (parquet_of(a=pyarrow.array([], pyarrow.float32())), media.PARQUET, "it holds no rows"),
        (b"PK\x03\x04", media.NPY, "it does not begin as an NPY does"),
        (npy.write(TABLE)[:-3], media.NPY, "cannot be read"),
        (b"\x93NUMPY", media.NPY, "cannot be read"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused_by_every_image(
    linear: Predictor, trees: Any, body: bytes, kind: str, said: str
) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: linear.predict(body, kind, ""),
        lambda: trees.predict(body, kind, ""),
        lambda: formats.decode(body, kind),
    ]
    for ask in asks:
        with pytest.raises((BadRequest, Refused), match=said) as refused:
            ask()
        assert refused.value.status == 400


def test_a_parquet_of_more_numbers_than_anybody_sends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_CELLS", 5)
    with pytest.raises(ValueError, match="2 rows of 3 columns, more than 5"):
        parquet.read(parquet_of(**columns(TABLE)))


def test_without_pyarrow_the_command_is_named_that_brings_it(
    linear: Predictor, trees: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = parquet_of(**columns(TABLE))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for predictor in (linear, trees):
        for asked, status in (((body, media.PARQUET, ""), 415), ((*BODIES[0], media.PARQUET), 406)):
            with pytest.raises((BadRequest, Refused), match=r"pip install 'potager\[parquet\]'") as refused:
                predictor.predict(*asked)
            assert refused.value.status == status
    with pytest.raises(Refused, match="Parquet needs pyarrow") as refused:
        formats.decode(body, media.PARQUET)
    assert refused.value.status == 415


def test_what_nobody_takes_or_gives_is_415_and_406_and_names_what_is(linear: Predictor, trees: Any) -> None:
    for predictor in (linear, trees):
        with pytest.raises((BadRequest, Refused), match=r"'text/html' is not supported\. Send text/csv, ") as refused:
            predictor.predict(b"1,2,3", "text/html", "")
        assert refused.value.status == 415
        with pytest.raises(
            (BadRequest, Refused), match=r"'text/html' is not supported\. Ask for text/csv, "
        ) as refused:
            predictor.predict(b"1,2,3", "text/csv", "text/html")
        assert refused.value.status == 406


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html, text/csv", media.CSV),
        ("text/csv;q=0.5, application/json", media.JSON),
        ("application/json;q=0, text/csv;q=0.1", media.CSV),
        ("application/json;q=x", media.JSON),
        ("Application/JSON; charset=utf-8", media.JSON),
    ],
)
def test_the_most_wanted_format_that_can_be_given_is(linear: Predictor, trees: Any, accept: str, kind: str) -> None:
    assert linear.predict(b"1,2,3", "text/csv", accept)[1] == kind
    assert trees.predict(b"1,2,3", "text/csv", accept)[1] == kind
    assert formats.encode(TABLE, accept)[1] == kind


CELLS = st.one_of(
    st.floats(width=32).map(repr),
    st.floats().map(repr),
    st.text('0123456789.eE+-_ \t"x#１inf', max_size=6),
)


@given(st.lists(CELLS, min_size=1, max_size=4), st.sampled_from(["", "\n", "\r\n", "\n\n"]))
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_one_row_is_read_as_it_is_among_others(cells: list[str], end: str) -> None:
    """The quick way of one row says what numpy's reader says of the same row twice."""
    line = ",".join(cells)
    try:
        wanted = formats.decode(f"{line}\n{line}", "text/csv")
    except Refused:
        wanted = None
    try:
        found = formats.decode(line + end, "text/csv")
    except Refused:
        found = None
    if wanted is None or found is None:
        assert wanted is found
    else:
        np.testing.assert_array_equal(np.atleast_1d(found), wanted[0] if wanted.ndim == 2 else wanted[:1])
