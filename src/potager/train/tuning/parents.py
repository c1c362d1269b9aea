"""Warm starts: what a tuning job takes over from up to five that have ended, and what of them it must share.

Their training jobs are written down in the new job when it is created, so that it needs none of them afterwards.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store.rows import Row, Tx
from potager.train.tuning import definitions, trials, views
from potager.train.tuning.definitions import KINDS, OBJECTIVE, Definition
from potager.train.tuning.lifecycle import TERMINAL

IDENTICAL = "IdenticalDataAndAlgorithm"
MOST_CHANGES = 10
"""Hyperparameters that become static, or static values that change, from a parent to its child."""


def taken(tx: Tx, kind: str, scope: Scope, doc: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a tuning job with what it takes over from its parents; `Invalid` where it may not."""
    config = doc.get("WarmStartConfig")
    if not config:
        return dict(doc)
    names = [each["HyperParameterTuningJobName"] for each in config["ParentHyperParameterTuningJobs"]]
    if len(set(names)) < len(names):
        raise Invalid("A hyperparameter tuning job is named twice in ParentHyperParameterTuningJobs. Name it once.")
    found = [(row, trials.rows(tx, row)) for row in (_parent(tx, kind, scope, name) for name in names)]
    identical = config["WarmStartType"] == IDENTICAL
    priors: list[dict[str, Any]] = []
    for row, made in found:
        pairs = _paired(definitions.of(doc), row)
        for new, old in pairs:
            _check(new, old, row.name, identical=identical)
        places = {definitions.of(row.doc).index(old): at for at, (_, old) in enumerate(pairs)}
        kept = [each for each in made if each.doc["_definition"] in places]
        priors += [_prior(row.name, each, places[each.doc["_definition"]]) for each in kept]
    known = [each for each in priors if each["value"] is not None]
    bests = [views.summary(row, each) for row, made in found for each in made]
    return {**doc, "_priors": known, **({"_parents_best": views.best(bests)} if identical else {})}


def _parent(tx: Tx, kind: str, scope: Scope, name: str) -> Row:
    row = tx.get(kind, scope, name)
    if row is None:
        raise Invalid(f"The parent hyperparameter tuning job '{name}' could not be found in {scope.region}.")
    if row.status not in TERMINAL:
        raise Invalid(
            f"The parent hyperparameter tuning job '{name}' is {row.status}. Wait until it is Completed, Stopped or "
            "Failed."
        )
    return row


def _paired(new: Sequence[Definition], parent: Row) -> list[tuple[Definition, Definition]]:
    """Each definition with the parent's of the same name; where there is but one on either side, with that."""
    old = definitions.of(parent.doc)
    if len(new) == len(old) == 1:
        return [(new[0], old[0])]
    by_name = {each.name: each for each in old}
    for each in new:
        if each.name not in by_name:
            raise Invalid(
                f"The training job definition '{each.name}' is none of the parent job '{parent.name}', which has "
                f"{', '.join(by_name)}."
            )
    return [(each, by_name[each.name]) for each in new]


def _check(new: Definition, old: Definition, parent: str, *, identical: bool) -> None:
    if dict(new.objective) != dict(old.objective):
        raise Invalid(
            f"The objective metric must be the same as that of the parent job '{parent}', "
            f"[{old.metric}, {old.objective['Type']}]."
        )
    if {*new.tuned, *new.static} != {*old.tuned, *old.static}:
        different = sorted({*new.tuned, *new.static} ^ {*old.tuned, *old.static})
        raise Invalid(
            "The total number of static plus tunable hyperparameters must remain the same between parent jobs and the "
            f"new tuning job: [{', '.join(different)}] are not in both this job and '{parent}'."
        )
    for name, kind in _kinds(new).items():
        if _kinds(old).get(name, kind) != kind:
            raise Invalid(
                f"The type of the hyperparameter [{name}] must not change from the parent job '{parent}' to this one."
            )
    changed = [name for name, value in new.static.items() if old.static.get(name) != value]
    if len(changed) > MOST_CHANGES:
        raise Invalid(
            f"{len(changed)} hyperparameters are static with other values, or no longer tuned, than in the parent job "
            f"'{parent}'. At most {MOST_CHANGES} may change."
        )
    if identical and _data(new) != _data(old):
        raise Invalid(
            f"WarmStartType {IDENTICAL} needs the same input data and training image as the parent job '{parent}'. Use "
            "TransferLearning where they differ."
        )


def _kinds(definition: Definition) -> dict[str, str]:
    return {each["Name"]: kind for kind in KINDS[:3] for each in definition.ranges.get(kind, ())}


def _data(definition: Definition) -> tuple[Any, Any]:
    return definition.given.get("InputDataConfig"), definition.given["AlgorithmSpecification"].get("TrainingImage")


def _prior(parent: str, row: Row, definition: int) -> dict[str, Any]:
    """A parent's training job, as the new job keeps it: strategies put those of one parent beside each other."""
    seen = trials.trial(row)
    values = {name: value for name, value in row.doc["HyperParameters"].items() if name != OBJECTIVE}
    return {"definition": definition, "values": values, "state": seen.state, "value": seen.value, "job": parent}
