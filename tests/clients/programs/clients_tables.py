"""DuckDB and Polars on tables in buckets: globs, hive partitions, pushdown, writes. Started with a bucket."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import duckdb_extension_httpfs
import polars as pl

BUCKET = sys.argv[1]
place = urlsplit(os.environ["AWS_ENDPOINT_URL"])
extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))


def by_duckdb() -> None:
    con = duckdb.connect()
    con.execute(f"LOAD '{extension}'")
    con.execute(f"""
        CREATE SECRET (TYPE s3, KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}',
        SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}',
        REGION 'us-east-1', ENDPOINT '{place.netloc}', URL_STYLE 'path', USE_SSL {place.scheme == "https"})
    """)
    con.execute(
        "CREATE TABLE claims AS SELECT range AS id, 2020 + range % 3 AS year, range / 7 AS paid FROM range(10000)"
    )
    con.execute(f"COPY claims TO 's3://{BUCKET}/duck/one.parquet' (FORMAT parquet)")
    con.execute(f"COPY claims TO 's3://{BUCKET}/duck/one.csv' (HEADER)")
    con.execute(f"COPY claims TO 's3://{BUCKET}/duck/hive' (FORMAT parquet, PARTITION_BY (year), OVERWRITE_OR_IGNORE)")

    def one(query: str) -> object:
        found = con.execute(query).fetchone()
        return found[0] if found else None

    assert one(f"SELECT count(*) FROM 's3://{BUCKET}/duck/one.parquet'") == 10000
    assert one(f"SELECT sum(id) FROM read_csv('s3://{BUCKET}/duck/*.csv')") == 49995000
    assert one(f"SELECT count(*) FROM read_parquet('s3://{BUCKET}/duck/hive/**/*.parquet') WHERE year = 2021") == 3333
    assert one(f"SELECT count(*) FROM glob('s3://{BUCKET}/duck/hive/year=*/*.parquet')") == 3
    assert one(f"SELECT max(paid) FROM 's3://{BUCKET}/duck/one.parquet' WHERE id < 70") == 69 / 7
    con.execute(
        f"COPY (SELECT range AS n, md5(range::VARCHAR) AS text FROM range(800000)) TO 's3://{BUCKET}/duck/large.csv'"
    )
    assert one(f"SELECT count(DISTINCT text) FROM 's3://{BUCKET}/duck/large.csv'") == 800000  # written in parts
    try:
        con.execute(f"SELECT * FROM 's3://{BUCKET}/duck/absent.parquet'")
        raise AssertionError("an absent table was read")
    except duckdb.HTTPException as error:
        assert "404" in str(error)


def by_polars() -> None:
    options = {
        "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    }
    rows = 20000
    days = [datetime.date(2026, 1, 1 + n % 28) for n in range(rows)]
    frame = pl.DataFrame({"id": range(rows), "paid": [n / 7 for n in range(rows)], "day": days})
    frame.write_parquet(f"s3://{BUCKET}/polars/one.parquet", storage_options=options, row_group_size=1000)
    some = (
        pl.scan_parquet(f"s3://{BUCKET}/polars/one.parquet", storage_options=options)
        .filter(pl.col("id").is_between(5000, 5009))
        .select("paid")
        .collect()
    )
    assert some["paid"].to_list() == [n / 7 for n in range(5000, 5010)]
    frame.lazy().sink_parquet(f"s3://{BUCKET}/polars/sunk.parquet", storage_options=options)
    frame.lazy().sink_csv(f"s3://{BUCKET}/polars/sunk.csv", storage_options=options)
    frame.lazy().sink_ndjson(f"s3://{BUCKET}/polars/sunk.ndjson", storage_options=options)
    for read, name in ((pl.scan_csv, "sunk.csv"), (pl.scan_ndjson, "sunk.ndjson"), (pl.scan_parquet, "sunk.parquet")):
        assert read(f"s3://{BUCKET}/polars/{name}", storage_options=options).select(pl.len()).collect().item() == rows
    both = pl.scan_parquet(f"s3://{BUCKET}/polars/*.parquet", storage_options=options)
    assert both.select(pl.len()).collect().item() == 2 * rows
    hive = pl.scan_parquet(f"s3://{BUCKET}/duck/hive/", hive_partitioning=True, storage_options=options)
    assert hive.filter(pl.col("year") == 2021).select(pl.len()).collect().item() == 3333
    try:
        pl.read_parquet(f"s3://{BUCKET}/polars/absent.parquet", storage_options=options)
        raise AssertionError("an absent table was read")
    except OSError:
        pass


by_duckdb()
by_polars()
