"""Two tables on one key to one file that `road.py --csv` can read.

    python join.py claims.csv customers.csv --on policy_id --out joined.csv
    python road.py --csv joined.csv --target fraud

Every row of the first table is kept, beside the one row of the second table with its key. Texts stay as they are:
"None", "NA" and "N/A" are values here.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from errors import DataError


def join(left: Path, right: Path, key: str) -> pd.DataFrame:
    """The rows of `left`, each with the columns of its row in `right`; empty cells where it has none.

    Raises
    ------
    DataError
        where a file or the key is missing, the key repeats in `right`, or another column is in both
    """
    first, second = _read(left, key), _read(right, key)
    repeated = second[key].duplicated()
    if repeated.any():
        twice = second[key][repeated].iloc[0]
        raise DataError(f"{key} must be unique in {right}, but {twice!r} is there more than once.")
    shared = [name for name in first.columns if name in second.columns and name != key]
    if shared:
        raise DataError(f"{left} and {right} both have the columns {', '.join(shared)}; rename them in one of the two.")
    return first.merge(second, on=key, how="left").fillna("")


def _read(path: Path, key: str) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if key not in table.columns:
        raise DataError(f"{path} has no column {key}. Its columns are: {', '.join(table.columns)}.")
    return table


def main() -> int:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Join two CSV files on one column.")
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    parser.add_argument("--on", required=True, metavar="COLUMN")
    parser.add_argument("--out", type=Path, default=Path("joined.csv"))
    options = parser.parse_args()
    try:
        joined = join(options.left, options.right, options.on)
    except DataError as error:
        print(f"join.py: {error}", file=sys.stderr)
        return 2
    joined.to_csv(options.out, index=False)
    print(f"{len(joined):,} rows, {joined.shape[1]} columns in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
