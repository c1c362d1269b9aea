"""Step 3 of the road: raw rows in, three tables of numbers out, ready for SageMaker's CSV channels.

    read -> distinct rows -> 0/1 labels -> stratified 70/10/20 split -> columns planned on training rows -> encoded

Works on any CSV with a header and a two-valued target. `?` and empty cells are gaps; words such as "None" or "NA"
are values, since in claims they often mean something ("authorities contacted: None"). `columns.py` decides what
becomes of each column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import columns as planning
import pandas as pd
from errors import DataError
from sklearn.model_selection import train_test_split

GAPS = ("", "?")
POSITIVE = frozenset({"y", "yes", "t", "true", "1", "1.0"})
NEGATIVE = frozenset({"n", "no", "f", "false", "0", "0.0"})
FEWEST_OF_A_CLASS = 10  # so that each part of a 70/10/20 split holds both classes


@dataclass(frozen=True)
class Raw:
    """A file as read.

    Parameters
    ----------
    table : the distinct, labelled rows without the target; texts, gaps as NA
    labels : (n_rows,), 1 for the positive class
    facts : what was found on the way, as (what, how much) pairs
    """

    table: pd.DataFrame
    labels: pd.Series
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Prepared:
    """Three parts of numbers: each a table with the target as first column, 0 or 1, then the features.

    Parameters
    ----------
    train, validation, test : 70, 10 and 20 % of the rows, with the same share of positives
    columns : what became of each raw column
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    columns: list[planning.Column]

    @property
    def dropped(self) -> list[planning.Dropped]:
        return [column for column in self.columns if isinstance(column, planning.Dropped)]


def read(path: Path, target: str, drop: Sequence[str] = ()) -> Raw:
    """Read a CSV file, leave out duplicate and unlabelled rows, and turn the target to 0/1.

    Parameters
    ----------
    path : a CSV file with a header
    target : the column to predict, spelled Y/N, yes/no, true/false, t/f or 1/0
    drop : columns to leave out

    Raises
    ------
    DataError
        where there is no such file or column, the target is not binary, or a class has too few rows
    """
    everything = _read_texts(path)
    _check_columns(everything, (target, *drop), path)
    distinct = everything.drop_duplicates()
    labelled = distinct[distinct[target].notna()]
    labels = as_labels(labelled[target])
    _check_classes(labels)
    table = labelled.drop(columns=[target, *drop])
    facts = [
        ("rows in the file", f"{len(everything):,}"),
        ("duplicate rows left out", f"{len(everything) - len(distinct):,}"),
        ("rows without a label left out", f"{len(distinct) - len(labelled):,}"),
        ("rows used", f"{len(table):,}"),
        ("positives", f"{int(labels.sum()):,} ({labels.mean():.1%})"),
        ("columns beside the target", f"{table.shape[1]}"),
        ("columns with gaps", _gaps(table)),
    ]
    return Raw(table.reset_index(drop=True), labels.reset_index(drop=True), facts)


def _read_texts(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors, wrong encodings too
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    table.columns = table.columns.str.strip()
    stripped = table.apply(lambda values: values.str.strip())
    return stripped.mask(stripped.isin(GAPS))


def _check_columns(table: pd.DataFrame, wanted: Sequence[str], path: Path) -> None:
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise DataError(f"{path} has more than one column {', '.join(repeated)}; give each a name of its own.")
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        there = ", ".join(table.columns)
        raise DataError(f"{path} has no column {', '.join(missing)}. Its columns are: {there}.")


def as_labels(target: pd.Series) -> pd.Series:
    """0 and 1 for a target of two values; capitals do not matter.

    Raises
    ------
    DataError
        where a value is none of the known spellings
    """
    words = target.str.lower()
    strange = target[~words.isin(POSITIVE | NEGATIVE)].unique()
    if len(strange):
        some = ", ".join(repr(str(value)) for value in strange[:5])
        raise DataError(
            f"The target {target.name} is not binary: it holds {some}{' and more' if len(strange) > 5 else ''}. "
            "Use a column of Y/N, yes/no, true/false, t/f or 1/0."
        )
    return words.isin(POSITIVE).astype(int)


def _check_classes(labels: pd.Series) -> None:
    for value, name in ((1, "positive"), (0, "negative")):
        count = int((labels == value).sum())
        if count < FEWEST_OF_A_CLASS:
            raise DataError(
                f"The target {labels.name} has {count} {name} rows; at least {FEWEST_OF_A_CLASS} of each class "
                "are needed to train, validate and test."
            )


def _gaps(table: pd.DataFrame) -> str:
    shares = table.isna().mean()
    holed = shares[shares > 0].sort_values(ascending=False)
    listed = [f"{name} {share:.1%}" for name, share in holed.head(5).items()]
    return ", ".join(listed) + (f" and {len(holed) - 5} more" if len(holed) > 5 else "") or "none"


def split(labels: pd.Series, seed: int) -> tuple[pd.Index, pd.Index, pd.Index]:
    """Row labels of the training, validation and test parts: 70, 10 and 20 %, stratified.

    Parameters
    ----------
    labels : (n_rows,), 0 or 1
    seed : the same seed gives the same parts
    """
    rest, test = train_test_split(labels.index, test_size=0.2, stratify=labels, random_state=seed)
    train, validation = train_test_split(rest, test_size=0.125, stratify=labels[rest], random_state=seed)
    return pd.Index(train), pd.Index(validation), pd.Index(test)


def prepare(raw: Raw, seed: int) -> Prepared:
    """Split the rows, learn the columns on the training part, encode all three.

    Raises
    ------
    DataError
        where no column is left to learn from
    """
    parts = split(raw.labels, seed)
    columns = planning.plan(raw.table.loc[parts[0]])
    if all(isinstance(column, planning.Dropped) for column in columns):
        reasons = "; ".join(f"{column.name} is {column.reason}" for column in columns)  # type: ignore[union-attr]
        raise DataError(f"No column is left to learn from: {reasons}.")
    train, validation, test = (_encode(raw, rows, columns) for rows in parts)
    return Prepared(train, validation, test, columns)


def _encode(raw: Raw, rows: pd.Index, columns: list[planning.Column]) -> pd.DataFrame:
    features = planning.encode(columns, raw.table.loc[rows])
    features.insert(0, str(raw.labels.name), raw.labels[rows])
    return features


def channel_csv(part: pd.DataFrame) -> str:
    """The text of a training channel: label first, no header."""
    return part.to_csv(index=False, header=False, float_format="%.9g")


def payload_csv(part: pd.DataFrame) -> str:
    """The text of a request to an endpoint: the features alone, no header."""
    return part.iloc[:, 1:].to_csv(index=False, header=False, float_format="%.9g")
