"""The fraud road: from raw insurance claims to predictions behind an endpoint, in seven steps of plain boto3.

    1 Frame -> 2 Collect -> 3 Prepare -> 4 Train -> 5 Deploy -> 6 Evaluate -> 7 Report

    potager demo                                          # all of it, on a Potager of its own
    potager run -- python examples/fraud/road.py          # the same
    python examples/fraud/road.py --role ARN              # the same program against AWS

    python road.py --csv FILE --target COLUMN             # your own data, any CSV with a binary target

Each step has a file of its own, which this one calls: `prepare.py`, `train.py`, `deploy.py` and so on. What the road
makes, it removes in the end, also when it fails or is interrupted; `--keep` leaves everything in place.
"""

import argparse
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import stopping
from errors import DataError, RoadError
from leftovers import Leftovers
from options import parse
from terminal import facts, say, step, table

if (
    TYPE_CHECKING
):  # pandas, scikit-learn and matplotlib take seconds to import: each step imports its own when it begins
    import numpy as np
    import pandas as pd
    from aws import Aws
    from evaluate import Predictions, Quality
    from prepare import Prepared, Raw

MOST_TRAINING_ROWS_ASKED = 20_000  # enough to tell how well the training rows fit


@dataclass
class Run:
    """One walk along the road: what was asked for, and what is known so far."""

    options: argparse.Namespace
    aws: "Aws"
    leftovers: Leftovers
    source: Path
    name: str = field(default_factory=lambda: f"fraud-road-{uuid.uuid4().hex[:10]}")
    arns: list[tuple[str, str]] = field(default_factory=list)

    @property
    def target(self) -> str:
        return self.options.target


def frame(run: Run) -> "Raw":
    """State the problem and the metric, and what a model that always says "no" scores."""
    import prepare

    if run.options.csv is None:
        import claims

        claims.write(run.source, run.options.rows, run.options.seed)
    raw = prepare.read(run.source, run.target, run.options.drop)
    for paragraph in framing(run, raw):
        say(f"  {paragraph}")
    return raw


def framing(run: Run, raw: "Raw") -> list[str]:
    """The problem in words."""
    share = float(raw.labels.mean())
    known = f"a row of {run.options.csv.name}" if run.options.csv else "a car insurance claim"
    return [
        f"Problem: from what is known of {known}, tell whether {run.target} is yes or no.",
        f"Target: {run.target}, binary; {raw.labels.sum():,} of {len(raw.labels):,} rows are yes ({share:.1%}).",
        "Metric: ROC AUC, how often a yes scores above a no; beside it precision and recall at the model's threshold.",
        f'To beat: a model that always says "no" is right {1 - share:.1%} of the time, at recall 0, F1 0, ROC AUC 0.5.',
    ]


def collect(run: Run) -> None:
    """Make a bucket and put the raw file into it."""
    from collect import delete_bucket, make_bucket, upload

    run.leftovers.add(f"deleted bucket {run.name}", lambda: delete_bucket(run.aws, run.name))
    make_bucket(run.aws, run.name)
    uri = upload(run.aws, run.name, "raw/rows.csv", run.source)
    say(f"  {run.source.stat().st_size:,} bytes in {uri}")


def prepare_rows(run: Run, raw: "Raw") -> "Prepared":
    """Turn texts to numbers, split, and upload the channels."""
    from collect import put_text
    from prepare import channel_csv, prepare

    prepared = prepare(raw, run.options.seed)
    facts([*raw.facts, *((f"dropped {column.name}", column.reason) for column in prepared.dropped)])
    for channel, part in (("train", prepared.train), ("validation", prepared.validation)):
        put_text(run.aws, run.name, f"{channel}/rows.csv", channel_csv(part))
    parts = (("train", prepared.train), ("validation", prepared.validation), ("test", prepared.test))
    positives = (f"{name} {len(part):,} rows, {part.iloc[:, 0].mean():.1%} yes" for name, part in parts)
    say(f"  {prepared.train.shape[1] - 1} features; {'; '.join(positives)}")
    return prepared


def train_model(run: Run, prepared: "Prepared") -> tuple[dict, dict[str, str]]:
    """Train linear-learner; gives the finished job's description and its hyperparameters."""
    import train

    labels = prepared.train.iloc[:, 0]
    parameters = train.hyperparameters(len(labels), float(labels.mean()))
    role = run.aws.role(run.options.role)
    run.leftovers.add(f"stopped training job {run.name}", lambda: train.stop(run.aws, run.name))
    say(f"  {run.name} on {train.image_uri(run.aws.region, run.aws.suffix)}")
    say(f"  {', '.join(f'{name}={value}' for name, value in parameters.items())}")
    run.arns.append(("Training job", train.start(run.aws, run.name, role, run.name, parameters)))
    description = train.wait(run.aws, run.name)
    train.show_log(run.aws, run.name)
    return description, parameters


def deploy_model(run: Run, job: dict) -> None:
    """Put the model behind an endpoint and wait until it serves."""
    import deploy

    image, artifact = job["AlgorithmSpecification"]["TrainingImage"], job["ModelArtifacts"]["S3ModelArtifacts"]
    run.leftovers.add(f"deleted model {run.name}", lambda: deploy.delete_model(run.aws, run.name))
    run.arns.append(("Model", deploy.create_model(run.aws, run.name, image, artifact, job["RoleArn"])))
    run.leftovers.add(f"deleted endpoint config {run.name}", lambda: deploy.delete_config(run.aws, run.name))
    run.arns.append(("Endpoint config", deploy.create_config(run.aws, run.name, run.name)))
    run.leftovers.add(f"deleted endpoint {run.name}", lambda: deploy.delete_endpoint(run.aws, run.name))
    run.arns.append(("Endpoint", deploy.create_endpoint(run.aws, run.name, run.name)))
    deploy.wait(run.aws, run.name)


def evaluate_model(run: Run, prepared: "Prepared") -> tuple["Predictions", dict[str, "Quality"], list[str]]:
    """Ask the endpoint about each part; gives the test predictions, the figures of each part, and the verdicts."""
    from evaluate import always_no, fit_verdict, gain_verdict, measure

    training = prepared.train.head(MOST_TRAINING_ROWS_ASKED)
    test, validation, training = (ask(run, part) for part in (prepared.test, prepared.validation, training))
    baseline = measure(always_no(test.labels))
    qualities = {
        "model, test": measure(test),
        'always "no", test': baseline,
        "model, validation": measure(validation),
        "model, training": measure(training),
    }
    verdicts = [
        gain_verdict(qualities["model, test"], baseline),
        fit_verdict(qualities["model, training"], qualities["model, validation"]),
    ]
    return test, qualities, verdicts


def ask(run: Run, part: "pd.DataFrame") -> "Predictions":
    """What the endpoint answers for the rows of one part."""
    from deploy import predict
    from evaluate import Predictions
    from prepare import payload_csv

    labels: np.ndarray = part.iloc[:, 0].to_numpy()
    scores, answers = predict(run.aws, run.name, payload_csv(part), lambda rows: say(f"  {rows:,} rows answered"))
    return Predictions(labels, scores, answers)


def tell(qualities: dict[str, "Quality"], verdicts: list[str]) -> None:
    """The figures in the terminal."""
    import report

    model = qualities["model, test"]
    say()
    table(report.figure_rows(qualities))
    say()
    table(
        [
            ["test rows", "answered no", "answered yes"],
            ["truly no", f"{model.true_negatives:,}", f"{model.false_positives:,}"],
            ["truly yes", f"{model.false_negatives:,}", f"{model.true_positives:,}"],
        ]
    )
    say()
    for verdict in verdicts:
        say(f"  {verdict}")


def walk(run: Run) -> None:
    """All seven steps."""
    with step(1, "Frame: what is asked, and what is there to beat"):
        raw = frame(run)
    with step(2, "Collect: a bucket with the raw rows"):
        collect(run)
    with step(3, "Prepare: from texts to numbers, in three parts"):
        prepared = prepare_rows(run, raw)
    with step(4, "Train: a training job of linear-learner"):
        job, parameters = train_model(run, prepared)
    with step(5, "Deploy: the model behind an endpoint"):
        deploy_model(run, job)
    with step(6, "Evaluate: the held-out rows through the endpoint"):
        test, qualities, verdicts = evaluate_model(run, prepared)
        tell(qualities, verdicts)
    with step(7, "Report: one HTML file"):
        import plots
        import report

        dropped = [(f"{column.name} dropped", column.reason) for column in prepared.dropped]
        findings = report.Findings(
            title=f"Predicting {run.target}",
            framing=framing(run, raw),
            qualities=qualities,
            verdicts=verdicts,
            plots=plots.plots(test, qualities["model, test"]),
            sections={
                "Data": [*raw.facts, *dropped],
                "Hyperparameters": list(parameters.items()),
                "Resources": [("Bucket", run.name), *run.arns, ("Server", run.aws.place)],
                "Final metrics of the job": final_metrics(job),
            },
        )
        report.write(run.options.report, findings)
        say(f"  {run.options.report.resolve()}")


def final_metrics(job: dict) -> list[tuple[str, str]]:
    """The job's own figures, as DescribeTrainingJob tells them."""
    return [(found["MetricName"], f"{found['Value']:.4f}") for found in job.get("FinalMetricDataList", [])]


def run_road(options: argparse.Namespace) -> None:
    """Walk the road and clean up after it.

    Raises
    ------
    RoadError
        where the data, the job or the endpoint fails
    """
    import boto3
    import train
    from aws import Aws

    aws = Aws(boto3.Session())
    train.image_uri(aws.region, aws.suffix)  # a region without linear-learner is no place to start
    say(f"The fraud road, on {aws.place}")
    with tempfile.TemporaryDirectory() as folder, Leftovers(options.keep) as leftovers:
        run = Run(options, aws, leftovers, options.csv or Path(folder, "claims.csv"))
        walk(run)
    say(what_stays(run))


def what_stays(run: Run) -> str:
    """What is left after the run, and with --keep how to use it."""
    if not run.options.keep:
        return "  The record of the training job and its log stay, as they do on AWS."
    call = f"invoke_endpoint(EndpointName={run.name!r}, ContentType='text/csv', Body='one row of features')"
    return (
        f"\nKept, all of the name {run.name}: bucket, training job, model, endpoint config, endpoint.\n"
        f"  Ask it: boto3.client('sagemaker-runtime').{call}\n"
        f"  The features of a row: as in s3://{run.name}/train/rows.csv, without the first column."
    )


def main() -> int:
    """The exit status: 0, 1 for a failure on the road, 2 for wrong options or unusable data, 130 if interrupted."""
    options = parse()
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    stopping.listen()
    try:
        run_road(options)
    except DataError as error:
        return _failed(str(error), 2)
    except RoadError as error:
        return _failed(str(error), 1)
    except (ClientError, BotoCoreError, Boto3Error) as error:
        return _failed(f"{type(error).__name__}: {error}", 1)
    except KeyboardInterrupt:
        return _failed("Interrupted.", 130)
    return 0


def _failed(message: str, status: int) -> int:
    print(f"road.py: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without line drawing gets `?`
    sys.exit(main())
