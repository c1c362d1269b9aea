"""What deserves a warning, how much, and what to do about it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from potager.images.profile.kinds import MOSTLY, numbers
from potager.images.profile.look import Look, View

HIGH, MEDIUM, LOW = "high", "medium", "low"
ORDER = (HIGH, MEDIUM, LOW)
LEAK = 0.95
"""The power of a column past which it is suspected to know the answer."""
ALIKE = 0.95
"""The correlation past which one of two columns will do."""
LISTED = 20
"""Columns that a warning names at most, and warnings of a kind about a column each."""
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Finding:
    """A warning. severity : `high` where a model would go wrong or fail, `medium` where it may, `low` to know of it."""

    code: str
    severity: str
    text: str
    remedy: str
    columns: list[str] = field(default_factory=list[str])
    examples: list[str] = field(default_factory=list[str])

    def document(self) -> dict[str, Any]:
        return asdict(self)


def find(look: Look, target: Mapping[str, Any] | None, relations: Mapping[str, Any]) -> list[Finding]:
    """All warnings, the gravest first."""
    found = [*_of_file(look), *_of_rows(look), *_twin_columns(look.views)]
    by_code: dict[str, list[Finding]] = defaultdict(list)
    for view in look.views:
        for one in _of_column(view, look.whole):
            by_code[one.code].append(one)
    for several in by_code.values():
        found += several if len(several) <= LISTED else [_together(several)]
    found += _of_pairs(relations)
    if target is not None:
        found += _of_target(target)
    return sorted(found, key=lambda one: ORDER.index(one.severity))


def _together(several: Sequence[Finding]) -> Finding:
    """One for many columns of which the same is to be said."""
    first = several[0]
    names = [one.columns[0] for one in several]
    text = f"{len(names):,} columns are of one kind: {first.text}"
    return Finding(first.code, first.severity, text, first.remedy, names[:LISTED], first.examples)


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 or not share else f"{share:.1%}" if share >= 0.001 else "under 0.1%"


def _figure(value: float) -> str:
    """A number for reading: 58,900 and 0.0312."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _of_file(look: Look) -> Iterator[Finding]:
    notes = look.notes
    if notes.undecoded:
        yield Finding(
            "encoding",
            MEDIUM,
            f"The file is not UTF-8 ({notes.undecoded[0]}), and was read as Windows-1252.",
            "Look at letters with accents in the examples. Export the table as UTF-8.",
        )
    if notes.nul:
        yield Finding(
            "nul-bytes",
            MEDIUM,
            f"{notes.nul:,} NUL bytes stand in the file, and were passed over.",
            "Export the table anew: they are no text, and other readers stop at them.",
        )
    if notes.short or notes.long:
        rows = ", ".join(map(str, notes.ragged))
        yield Finding(
            "ragged-rows",
            HIGH,
            f"{notes.short:,} rows have too few cells and {notes.long:,} too many; the first are rows {rows}.",
            "A separator within a text needs quotes around the text. Correct these rows: training refuses the file.",
        )
    if notes.repeated:
        yield Finding(
            "repeated-names",
            MEDIUM,
            f"{len(notes.repeated):,} names of columns come twice: {', '.join(notes.repeated[:5])}.",
            "Give each column a name of its own.",
            notes.repeated[:LISTED],
        )
    if notes.unnamed:
        yield Finding(
            "no-name",
            LOW,
            f"{len(notes.unnamed):,} columns have no name; the first is column {notes.unnamed[0]}.",
            "A first column without a name is often an index that a program wrote: drop it.",
        )
    if notes.headless:
        yield Finding(
            "no-header",
            LOW,
            "The first row holds values, so columns are called by their numbers.",
            "Nothing, where the file is for a built-in algorithm, which wants no names.",
        )


def _of_rows(look: Look) -> Iterator[Finding]:
    if not look.rows:
        yield Finding("no-rows", HIGH, "The table has names and no rows.", "Add rows, or look at another file.")
    elif look.rows < 50:
        yield Finding(
            "few-rows", MEDIUM, f"The table has {look.rows} rows.", "Collect more: so few can mislead any model."
        )
    twins, _ = look.twins
    if twins:
        yield Finding(
            "duplicate-rows",
            MEDIUM if twins > 0.01 * look.rows else LOW,
            f"{twins:,} rows ({_share(twins / look.rows)}) are the same as one before.",
            "Drop them unless they are separate events: tested on rows that it has seen, a model looks too good.",
        )


def _twin_columns(views: Sequence[View]) -> Iterator[Finding]:
    same: dict[bytes, list[str]] = defaultdict(list)
    for view in views:
        if view.column.distinct > 1:
            same[view.column.fingerprint].append(view.name)
    groups = [names for names in same.values() if len(names) > 1]
    for names in groups[:LISTED]:
        told = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        yield Finding(
            "duplicate-columns", MEDIUM, f"{told} hold the same in every row.", "Keep one of them.", names[:LISTED]
        )


def _of_column(view: View, whole: bool) -> Iterator[Finding]:
    column, name = view.column, view.name
    if not column.rows:
        return
    share = column.gaps / column.rows
    if view.type == "empty":
        yield Finding("empty", MEDIUM, f"{name} is empty in every row.", "Drop the column.", [name])
        return
    yield from _sameness(view)
    if share >= 0.05:
        spelt = ", ".join(repr(text) if text else "nothing" for text in list(column.spellings)[:3])
        word = next((text for text in column.spellings if text.lower() in ("none", "null", "na")), None)
        meant = f" If {word!r} is an answer here, write it otherwise, such as 'nobody'." if word else ""
        yield Finding(
            "gaps",
            HIGH if share >= 0.5 else MEDIUM if share >= 0.2 else LOW,
            f"{name} has gaps in {_share(share)} of the rows (written as {spelt}).",
            "Ask why they are missing. Fill them (median, or a category of their own), or drop the column where it is "
            f"mostly gaps.{meant}",
            [name],
        )
    yield from _oddities(view)
    if view.type == "identifier":
        nearly = "" if column.distinct == column.filled else "nearly "
        yield Finding(
            "identifier",
            MEDIUM,
            f"{name} is different in {nearly}every row, as what names a row is.",
            "Leave it out of training: a model would learn rows by heart.",
            [name],
        )
    if view.type == "category" and column.distinct > 50:
        yield Finding(
            "many-categories",
            MEDIUM if column.distinct > 100 else LOW,
            f"{name} has {column.distinct:,} different values.",
            "Group the rare ones as 'other', or use an algorithm that takes categories (CatBoost, LightGBM).",
            [name],
        )
    if view.type in ("integer", "number"):
        yield from _shape(view, whole)


def _sameness(view: View) -> Iterator[Finding]:
    column = view.column
    if view.type == "constant":
        value = next(iter(column.counts))
        yield Finding(
            "constant",
            MEDIUM,
            f"{view.name} is always {value[:40]!r}.",
            "Drop it: it tells rows apart in no way."
            + (" Where its gaps mean something, keep whether it is filled." if column.gaps else ""),
            [view.name],
        )
    elif column.counts and view.type not in ("identifier", "text") and column.filled >= 50:
        value, many = column.counts.most_common(1)[0]
        if many >= 0.98 * column.filled:
            yield Finding(
                "near-constant",
                LOW,
                f"{view.name} is {value[:40]!r} in {_share(many / column.filled)} of its rows.",
                "It can tell little apart. Keep it only if the rare values matter.",
                [view.name],
            )


def _oddities(view: View) -> Iterator[Finding]:
    column, name = view.column, view.name
    filled, kinds = column.filled, column.kinds
    odd = {kind: many for kind, many in kinds.items() if many and kind not in _own(view)}
    numeric = kinds["number"] + kinds["dressed"]
    if view.type in ("integer", "number", "date", "boolean") and odd:
        yield _mixed(view, sum(odd.values()), odd, HIGH)
    elif view.type in ("category", "text") and not column.codes and 0.1 * filled < numeric < MOSTLY * filled:
        words = {kind: many for kind, many in kinds.items() if kind not in ("number", "dressed")}
        yield _mixed(view, sum(words.values()), words, MEDIUM)
    if kinds["dressed"] and view.type in ("integer", "number"):
        row, text = column.examples["dressed"][0]
        yield Finding(
            "dressed-numbers",
            HIGH,
            f"{name} has numbers written as text in {kinds['dressed']:,} rows, such as {text!r} in row {row}.",
            "Take out thousands separators, currencies and percent signs, and write decimals with a point.",
            [name],
            _examples(column, ("dressed",)),
        )
    if view.type == "date":
        yield Finding(
            "date",
            LOW,
            f"{name} is a date.",
            "A model takes no dates: turn it into numbers, such as the days until an event, the month, the weekday.",
            [name],
        )
    if column.broken:
        yield Finding(
            "broken-characters",
            MEDIUM,
            f"{name} has characters that were lost (�) in {column.broken:,} rows.",
            "Export the table anew from its source as UTF-8.",
            [name],
        )
    if view.type in ("category", "boolean") and (spelt := _variants(column.counts)):
        yield Finding(
            "spellings",
            MEDIUM,
            f"{name} writes one value in several ways, such as {' and '.join(map(repr, spelt[0][:3]))}.",
            "Make them one: take out blanks at the ends, and write all in lower case.",
            [name],
            [", ".join(map(repr, one[:4])) for one in spelt[:5]],
        )
    elif column.padded and view.type not in ("integer", "number"):
        yield Finding(
            "blanks",
            LOW,
            f"{name} has blanks at the ends of {column.padded:,} cells.",
            "Take them out: ' yes' and 'yes' are two values.",
            [name],
        )
    if column.longest > 10_000:
        yield Finding(
            "huge-cell",
            LOW,
            f"{name} has a cell of {column.longest:,} characters.",
            "Look whether it is meant, or a quote that is never closed.",
            [name],
        )


def _own(view: View) -> tuple[str, ...]:
    """The kinds of cells that a column's type is made of."""
    return {"date": ("date",), "boolean": ("truth", "number", "dressed")}.get(view.type, ("number", "dressed"))


def _mixed(view: View, many: int, odd: Mapping[str, int], severity: str) -> Finding:
    examples = _examples(view.column, tuple(odd))
    what = "a date" if view.type == "date" else "a number"
    seen = f", such as {examples[0]}" if examples else ""
    return Finding(
        "mixed-types",
        severity,
        f"{view.name} mixes types: {many:,} of {view.column.filled:,} cells are not {what}{seen}.",
        "Correct these cells, or leave them empty where the value is not known.",
        [view.name],
        examples,
    )


def _examples(column: Any, kinds: Sequence[str]) -> list[str]:
    return [f"{text[:60]!r} in row {row}" for kind in kinds for row, text in column.examples.get(kind, ())][:5]


def _variants(counts: Mapping[str, int]) -> list[list[str]]:
    """Values that are the same but for blanks and the case of letters."""
    same: dict[str, list[str]] = defaultdict(list)
    for text in counts:
        same[_BLANKS.sub(" ", text.strip()).casefold()].append(text)
    return [sorted(texts, key=lambda text: -counts[text]) for texts in same.values() if len(texts) > 1]


def _shape(view: View, whole: bool) -> Iterator[Finding]:
    skew = numbers(view.column).skew
    outliers = view.spread.get("outliers", {"count": 0, "share": 0.0})
    if math.isfinite(skew) and abs(skew) > 2 and view.column.distinct > 10:
        side = "large" if skew > 0 else "small"
        yield Finding(
            "skewed",
            LOW,
            f"{view.name} is skewed ({skew:.1f}): most values lie close together, a few are very {side}.",
            "Trees do not mind. For a linear model or a network take its logarithm, or its ranks.",
            [view.name],
        )
    if outliers["share"] >= 0.01 and view.column.distinct > 10:
        said = "" if whole else " of a sample"
        yield Finding(
            "outliers",
            LOW,
            f"{view.name} has outliers: {_share(outliers['share'])}{said} lie far from the middle half "
            f"(below {_figure(outliers['below'])} or above {_figure(outliers['above'])}).",
            "Look whether they are mistakes. If they are real, keep them, and prefer trees.",
            [view.name],
        )


def _of_pairs(relations: Mapping[str, Any]) -> Iterator[Finding]:
    names: Sequence[str] = relations.get("columns", ())
    matrix: Sequence[Sequence[float | None]] = relations.get("association", ())
    pairs = [
        (value, names[row], names[column])
        for row, line in enumerate(matrix)
        for column, value in enumerate(line[:row])
        if value is not None and value >= ALIKE
    ]
    for value, one, other in sorted(pairs, reverse=True)[:LISTED]:
        yield Finding(
            "alike",
            LOW,
            f"{one} and {other} tell nearly the same ({value:.2f} of 1).",
            "One of them will do for a linear model, whose weights would be hard to read with both. Trees do not mind.",
            [one, other],
        )


def _of_target(target: Mapping[str, Any]) -> Iterator[Finding]:
    name = target["name"]
    for one in target["columns"]:
        if one["power"] is not None and one["power"] >= LEAK:
            yield Finding(
                "leakage",
                HIGH,
                f"{one['name']} alone foretells {name} nearly without fault ({one['power']:.2f} of 1).",
                f"Ask whether it is known before {name} is. If it is written down afterwards, leave it out: the model "
                "would look perfect, and fail in use.",
                [one["name"], name],
            )
    if target["gaps"]:
        yield Finding(
            "target-gaps",
            HIGH,
            f"{name}, the likely target, has {target['gaps']:,} gaps.",
            "Drop these rows: nothing can be learnt from a row without an answer.",
            [name],
        )
    least = target.get("imbalance")
    if least is not None and least < 0.2:
        yield Finding(
            "imbalance",
            HIGH if least < 0.02 else MEDIUM,
            f"{name} is uneven: its rarest value makes up {_share(least)} of the rows.",
            "Do not judge a model by accuracy, which is high for one that never says it. Use precision, recall and F1, "
            "keep the shares the same when you split, and weigh the rare value more.",
            [name],
        )
