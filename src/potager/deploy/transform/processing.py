"""What happens to records on their way: `InputFilter` before the model, `JoinSource` and `OutputFilter` after it.

A record is a line, or the whole body where a JSON document is not split. A row of CSV is a JSON array of its cells;
what the model answered for it is appended to the row. A JSON record gets the answer as its member `SageMakerOutput`;
one that is no object becomes `{"SageMakerInput": ..., "SageMakerOutput": ...}`. Pure, and to be run in a thread: it
works record by record. Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from potager.deploy.transform.faults import BadRecord
from potager.deploy.transform.jsonpath import Path

CSV = frozenset({"text/csv"})
JSON = frozenset({"application/json"})
JSON_LINES = frozenset({"application/jsonlines", "application/x-jsonlines"})
OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"


def media_type(header: str) -> str:
    """The type alone, lower case, without parameters."""
    return header.partition(";")[0].strip().lower()


def known(content_type: str) -> bool:
    """Whether records of that type can be filtered and joined."""
    return media_type(content_type) in CSV | JSON | JSON_LINES


@dataclass(frozen=True, slots=True)
class Processing:
    """The filters and the join of one job.

    Parameters
    ----------
    table : whether the records are rows of CSV; JSON otherwise.
    lines : whether each line is a record; the body is one otherwise.
    before, after : InputFilter and OutputFilter, None where everything passes.
    join : whether the answer is joined to the input.
    """

    table: bool
    lines: bool
    before: Path | None
    after: Path | None
    join: bool

    @property
    def shapes(self) -> bool:
        """Whether it changes what the model answers, too."""
        return self.join or self.after is not None

    def request(self, body: bytes) -> bytes:
        """What the model gets for a batch. `BadRecord` for a record that the filter cannot be applied to."""
        if self.before is None:
            return body
        records = self._records(body)
        return self._written(_selected(self.before, self._values(records)))

    def answer(self, body: bytes, answer: bytes, content_type: str) -> bytes:
        """What is written for a batch when it `shapes`: the model's answer, joined to its input and filtered.

        `BadRecord` where the answer does not fit: another type, or another number of records.
        """
        if (media_type(content_type) in CSV) is not self.table or not known(content_type):
            wanted = "text/csv" if self.table else "JSON"
            raise BadRecord(
                None, f"the model answered {content_type}, which cannot be processed as {wanted}. Set Accept."
            )
        answers = self._records(answer)
        if not self.join:
            found = self._values(answers)
            return self._written(_selected(self.after, found) if self.after else found)
        records = self._records(body)
        if len(records) != len(answers):
            counts = f"{len(answers)} records for {len(records)}"
            raise BadRecord(
                None, f"the model answered {counts}: they cannot be joined. Check Accept and BatchStrategy."
            )
        if self.table and self.after is None:
            return _joined([record + b"," + found for (_, record), (_, found) in zip(records, answers, strict=True)])
        values = self._together(self._values(records), self._values(answers))
        return self._written(_selected(self.after, values) if self.after else values)

    def _records(self, body: bytes) -> list[tuple[int, bytes]]:
        """The records that are not blank, without their line ends, each with its place."""
        if not self.lines:
            return [(0, body.strip())]
        split = enumerate(body.split(b"\n"))
        return [(index, line.rstrip(b"\r")) for index, line in split if line and not line.isspace()]

    def _values(self, records: Sequence[tuple[int, bytes]]) -> list[tuple[int, Any]]:
        return _rows(records) if self.table else [(index, _json(index, record)) for index, record in records]

    def _together(
        self, records: Sequence[tuple[int, Any]], answers: Sequence[tuple[int, Any]]
    ) -> list[tuple[int, Any]]:
        join: Callable[[Any, Any], Any] = _row_with if self.table else _object_with
        return [(index, join(value, found)) for (index, value), (_, found) in zip(records, answers, strict=True)]

    def _written(self, values: Sequence[tuple[int, Any]]) -> bytes:
        if self.table:
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerows(cast("list[str]", value) if isinstance(value, list) else [value] for _, value in values)
            return text.getvalue().encode("utf-8", "surrogateescape")
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        return _joined([encode(value).encode() for _, value in values])


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n" if lines else b""


def _selected(path: Path, values: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
    chosen: list[tuple[int, Any]] = []
    for index, value in values:
        try:
            chosen.append((index, path.select(value)))
        except LookupError as error:
            raise BadRecord(index, str(error.args[0])) from error
    return chosen


def _rows(records: Sequence[tuple[int, bytes]]) -> list[tuple[int, Any]]:
    """Lines of CSV as lists of cells."""
    texts = [line.decode("utf-8", "surrogateescape") for _, line in records]
    try:
        rows: list[Any] = list(csv.reader(texts, strict=True))
    except csv.Error:
        rows = []
    if len(rows) != len(texts):  # a quote that stays open reaches into the next line
        raise _broken(records, texts)
    return [(index, row) for (index, _), row in zip(records, rows, strict=True)]


def _broken(records: Sequence[tuple[int, bytes]], texts: Sequence[str]) -> BadRecord:
    for (index, _), text in zip(records, texts, strict=True):
        try:
            next(csv.reader([text], strict=True))
        except csv.Error as error:
            return BadRecord(index, f"it is no row of CSV: {error}.")
    return BadRecord(None, "the lines are no rows of CSV.")


def _json(index: int, record: bytes) -> Any:
    try:
        return json.loads(record)
    except ValueError as error:
        raise BadRecord(index, f"it is not JSON: {error}.") from error


def _row_with(row: list[str], answer: list[str]) -> list[str]:
    return row + answer


def _object_with(value: Any, answer: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {**cast("dict[str, Any]", value), OUTPUT: answer}
    return {INPUT: value, OUTPUT: answer}
