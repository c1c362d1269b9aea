"""What `road.py` can be told on its command line."""

import argparse
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="From raw insurance claims to predictions, in seven steps of boto3.")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="your own rows; made-up claims without it")
    parser.add_argument("--target", metavar="COLUMN", help="the binary column to predict (with --csv)")
    parser.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="a column to leave out; repeatable"
    )
    parser.add_argument("--rows", type=int, default=1000, help="made-up claims (default 1000)")
    parser.add_argument("--seed", type=int, default=7, help="of the made-up claims and of the split (default 7)")
    parser.add_argument(
        "--report", type=Path, default=Path("fraud-report.html"), metavar="FILE", help="where to write it"
    )
    parser.add_argument(
        "--role", metavar="ARN", help="role of the jobs (default SAGEMAKER_ROLE_ARN, else the caller's)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the bucket, model and endpoint in place")
    options = parser.parse_args(arguments)
    if (options.csv is None) != (options.target is None):
        parser.error("--csv and --target go together")
    if options.rows < 100:
        parser.error("--rows must be at least 100: fewer claims hold too little fraud to learn from")
    if not options.report.absolute().parent.is_dir():
        parser.error(f"the folder of --report {options.report} does not exist")
    options.target = options.target or "fraud_reported"
    return options
