"""Step 3 of the road as a processing job: what `prepare.py` does, from one folder of the job to three others.

/opt/ml/processing/input/claims/claims.csv  ->  /opt/ml/processing/{train,validation,test}/rows.csv

Studio's tutorial runs it. The label is the first column of each file, and there is no header: SageMaker's CSV.
"""

from pathlib import Path

from prepare import channel_csv, prepare, read

PLACE = Path("/opt/ml/processing")
SEED = 7


def main() -> None:
    """Read, prepare, write; `DataError` says what is wrong with the rows."""
    raw = read(PLACE / "input/claims/claims.csv", "fraud_reported")
    for name, value in raw.facts:
        print(f"{name}: {value}")
    prepared = prepare(raw, SEED)
    for column in prepared.dropped:
        print(f"dropped {column.name}: {column.reason}")
    for name, part in (("train", prepared.train), ("validation", prepared.validation), ("test", prepared.test)):
        (PLACE / name / "rows.csv").write_text(channel_csv(part))
        print(f"{name}: {len(part):,} rows of {part.shape[1] - 1} features")


if __name__ == "__main__":
    main()
