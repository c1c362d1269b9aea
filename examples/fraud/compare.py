"""One table: what five of SageMaker's built-in algorithms make of the same claims.

    1 Claims -> 2 Linear learner -> 3 XGBoost -> 4 XGBoost, tuned -> 5 Odd claims -> 6 Customers -> 7 The table

    potager run -- python examples/fraud/compare.py           # on Potager
    python examples/fraud/compare.py --role ARN               # the same program against AWS

Linear-learner, XGBoost and a tuned XGBoost learn from labelled claims. Random cut forest sees no labels and says how
odd a claim is; k-means sees none either and puts customers into groups. Whatever is compared is compared on the same
test rows, which nobody has seen before; the thresholds are chosen on validation rows.

Steps 1 to 3 of `road.py` are used again: `prepare.py`, `collect.py` and `train.py`. What is made is removed in the end.
"""

import argparse
import json
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import stopping
from errors import RoadError
from leftovers import Leftovers
from terminal import facts, say, step, table

if TYPE_CHECKING:
    import numpy as np
    from aws import Aws
    from prepare import Prepared, Raw

CUSTOMER = ("months_as_customer", "age", "policy_annual_premium", "policy_deductable", "umbrella_limit")
WITHOUT_LABELS = "text/csv;label_size=0"
XGBOOST = {
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "num_round": "100",
    "max_depth": "4",
    "eta": "0.1",
    "early_stopping_rounds": "20",
}


@dataclass
class Contest:
    """One comparison: what was asked for, and what was made for it."""

    options: argparse.Namespace
    aws: "Aws"
    leftovers: Leftovers
    name: str
    prepared: "Prepared"

    @property
    def role(self) -> str:
        return self.aws.role(self.options.role)


@dataclass(frozen=True)
class Entry:
    """A line of the table: scores of the validation and test rows, higher where fraud is likelier."""

    name: str
    seconds: float
    validation: "np.ndarray"
    test: "np.ndarray"


def claims(options: argparse.Namespace, folder: Path) -> tuple["Raw", "Prepared"]:
    """Made-up claims, or a file of one's own, as three tables of numbers."""
    import claims as made_up
    import prepare

    source = options.csv or folder / "claims.csv"
    if options.csv is None:
        made_up.write(source, options.rows, options.seed)
    raw = prepare.read(source, options.target, options.drop)
    prepared = prepare.prepare(raw, options.seed)
    say(f"  {len(raw.labels):,} rows, {raw.labels.mean():.1%} of them yes; {prepared.train.shape[1] - 1} features")
    return raw, prepared


def upload(contest: Contest) -> None:
    """The channels: labelled rows to learn from, and rows without labels to be scored."""
    from collect import delete_bucket, make_bucket, put_text
    from prepare import channel_csv, payload_csv

    aws, bucket = contest.aws, contest.name
    contest.leftovers.add(f"deleted bucket {bucket}", lambda: delete_bucket(aws, bucket))
    make_bucket(aws, bucket)
    for name, part in (("train", contest.prepared.train), ("validation", contest.prepared.validation)):
        put_text(aws, bucket, f"{name}/rows.csv", channel_csv(part))
    put_text(aws, bucket, "features/rows.csv", payload_csv(contest.prepared.train))
    for name, part in (("validation", contest.prepared.validation), ("test", contest.prepared.test)):
        put_text(aws, bucket, f"score/{name}.csv", payload_csv(part))


def trained(
    contest: Contest,
    what: str,
    repository: str,
    parameters: dict[str, str],
    prefixes: dict[str, tuple[str, str]] | None = None,
) -> dict:
    """A training job's description once it has completed."""
    import train

    job = f"{contest.name}-{what}"
    contest.leftovers.add(f"stopped training job {job}", lambda: train.stop(contest.aws, job))
    given = (contest.name, parameters, repository, prefixes or train.CHANNELS)
    train.start(contest.aws, job, contest.role, *given)
    return train.wait(contest.aws, job)


def entry(contest: Contest, name: str, job: dict, accept: str, read: Callable[[str], float]) -> Entry:
    """A line of the table out of a finished job."""
    import transform

    found = transform.scores(contest.aws, contest.leftovers, job, contest.name, "score", accept, read)
    seconds = (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds()
    return Entry(name, seconds, found["validation"], found["test"])


def _score(line: str) -> float:
    return json.loads(line)["score"]


def linear(contest: Contest) -> Entry:
    """Linear-learner, as on the fraud road."""
    import train

    labels = contest.prepared.train.iloc[:, 0]
    job = trained(contest, "linear", "linear-learner", train.hyperparameters(len(labels), float(labels.mean())))
    return entry(contest, "linear-learner", job, "application/jsonlines", _score)


def boosted(contest: Contest) -> Entry:
    """XGBoost with settings that one would begin with."""
    return entry(contest, "xgboost", trained(contest, "xgboost", "xgboost", XGBOOST), "text/csv", float)


def tuned(contest: Contest) -> Entry:
    """The best of many XGBoosts, found by a tuning job on the validation rows."""
    import tune

    aws, name, trials = contest.aws, contest.name, contest.options.trials
    contest.leftovers.add(f"stopped tuning job {name}", lambda: tune.stop(aws, name))
    tune.start(aws, name, contest.role, name, XGBOOST, trials, contest.options.seed)
    best = tune.wait(aws, name)["BestTrainingJob"]
    facts(sorted(best["TunedHyperParameters"].items()))
    job = aws.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    return entry(contest, f"xgboost, best of {trials}", job, "text/csv", float)


def odd(contest: Contest) -> Entry:
    """Random cut forest: how unlike the others a claim is, whatever the label."""
    features = contest.prepared.train.shape[1] - 1
    parameters = {"feature_dim": str(features), "num_trees": "100", "num_samples_per_tree": "256"}
    job = trained(contest, "odd", "randomcutforest", parameters, {"train": ("features", WITHOUT_LABELS)})
    return entry(contest, "randomcutforest, no labels", job, "application/jsonlines", _score)


def customers(contest: Contest, raw: "Raw") -> None:
    """Groups of customers by k-means: how many, what they are like, and how much fraud there is in each."""
    import numpy as np
    import transform
    from collect import put_text
    from columns import as_numbers

    known = raw.table[[name for name in CUSTOMER if name in raw.table]].apply(as_numbers)
    if known.empty or not len(known.columns):
        say("  there are no columns of customers in this file: " + ", ".join(CUSTOMER))
        return
    known = known.fillna(known.median())
    scaled = (known - known.mean()) / known.std().replace(0, 1)  # else the largest numbers alone would decide
    text = scaled.to_csv(index=False, header=False, float_format="%.9g")
    put_text(contest.aws, contest.name, "customers/rows.csv", text)
    parameters = {"k": str(contest.options.groups), "feature_dim": str(scaled.shape[1]), "init_method": "kmeans++"}
    job = trained(contest, "customers", "kmeans", parameters, {"train": ("customers", WITHOUT_LABELS)})
    given = (contest.aws, contest.leftovers, job, contest.name, "customers", "application/jsonlines")
    groups = transform.scores(*given, lambda line: json.loads(line)["closest_cluster"])["rows"]
    rows = [["group", "customers", "fraud", *(name.replace("_", " ") for name in known)]]
    for group in np.unique(groups):
        here = groups == group
        means = known[here].mean()
        rows.append(
            [
                f"{int(group)}",
                f"{here.sum():,}",
                f"{raw.labels.to_numpy()[here].mean():.1%}",
                *(f"{means[name]:,.0f}" for name in known),
            ]
        )
    table(rows)


def compared(contest: Contest, entries: list[Entry]) -> None:
    """The table, on test rows; thresholds are those with the best F1 on validation rows."""
    import numpy as np
    from evaluate import Predictions, auc_error, measure
    from sklearn.metrics import average_precision_score, precision_recall_curve

    validation, test = (part.iloc[:, 0].to_numpy() for part in (contest.prepared.validation, contest.prepared.test))
    rows = [["on test rows", "ROC AUC", "±", "PR AUC", "F1", "precision", "recall", "trained in"]]
    for one in entries:
        precision, recall, cuts = precision_recall_curve(validation, one.validation)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        answers = (one.test >= cuts[int(np.argmax(f1[:-1]))]).astype(int)
        found = measure(Predictions(test, one.test, answers))
        shown = (found.roc_auc, 2 * auc_error(found), average_precision_score(test, one.test), found.f1)
        rows.append(
            [
                one.name,
                *(f"{value:.3f}" for value in shown),
                f"{found.precision:.3f}",
                f"{found.recall:.3f}",
                f"{one.seconds:.1f} s",
            ]
        )
    table(rows)
    say(f"  To beat: guessing has a ROC AUC of 0.5 and a PR AUC of {test.mean():.3f}.")


def walk(options: argparse.Namespace, aws: "Aws", leftovers: Leftovers, folder: Path) -> None:
    """All seven steps."""
    with step(1, "Claims: the same rows for everybody"):
        raw, prepared = claims(options, folder)
        contest = Contest(options, aws, leftovers, f"compare-{uuid.uuid4().hex[:10]}", prepared)
        upload(contest)
    entries: list[Entry] = []
    for number, (title, run) in enumerate(
        (
            ("Linear-learner: a weighted sum", linear),
            ("XGBoost: trees, each of which mends what the ones before it got wrong", boosted),
            (f"Tuning: {options.trials} XGBoosts, two at a time", tuned),
            ("Random cut forest: which claims are odd?", odd),
        ),
        2,
    ):
        with step(number, title):
            entries.append(run(contest))
    with step(6, "k-means: what kinds of customers are there?"):
        customers(contest, raw)
    with step(7, "The table"):
        compared(contest, entries)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="What five built-in algorithms make of the same claims.")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="your own rows; made-up claims without it")
    parser.add_argument("--target", metavar="COLUMN", help="the binary column to predict (with --csv)")
    parser.add_argument("--drop", action="append", default=[], metavar="COLUMN", help="a column to leave out")
    parser.add_argument("--rows", type=int, default=4000, help="made-up claims (default 4000)")
    parser.add_argument("--seed", type=int, default=7, help="of the claims, the split and the tuning job (default 7)")
    parser.add_argument("--trials", type=int, default=20, help="XGBoosts of the tuning job (default 20)")
    parser.add_argument("--groups", type=int, default=4, help="groups of customers (default 4)")
    parser.add_argument(
        "--role", metavar="ARN", help="role of the jobs (default SAGEMAKER_ROLE_ARN, else the caller's)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the bucket and the models in place")
    options = parser.parse_args(arguments)
    if (options.csv is None) != (options.target is None):
        parser.error("--csv and --target go together")
    options.target = options.target or "fraud_reported"
    return options


def main() -> int:
    """The exit status: 0, 1 for a failure, 130 if interrupted."""
    options = parse()
    import boto3
    from aws import Aws
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    stopping.listen()
    aws = Aws(boto3.Session())
    try:
        say(f"Five algorithms on the same claims, on {aws.place}")
        with tempfile.TemporaryDirectory() as folder, Leftovers(options.keep) as leftovers:
            walk(options, aws, leftovers, Path(folder))
    except (RoadError, ClientError, BotoCoreError, Boto3Error) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("compare.py: Interrupted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
