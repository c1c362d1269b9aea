"""Step 7 of the road: everything found, as one HTML file that needs nothing beside itself, by day and by night.

Whatever came from a file or a server passes through `html.escape` on its way into the page. `plots.py` draws,
`report.css` is the page's look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from evaluate import FIGURES, Quality

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<main>
<header>
<h1>$title</h1>
$framing
</header>
<section>
<h2>Result</h2>
$verdicts
$figures
</section>
<section>
<h2>Plots</h2>
<p class="note">All on the test rows, which neither training nor the choice of a threshold has seen.</p>
<div class="plots">
$plots
</div>
</section>
<section class="columns">
$sections
</section>
</main>
</body>
</html>
""")


@dataclass
class Findings:
    """What the report tells, all of it plain text but for the plots.

    Parameters
    ----------
    title : the heading
    framing : paragraphs on the problem, the target and the metric
    qualities : rows of the figures table, by name: the model on each part, and the model to beat
    verdicts : sentences on gain and fit
    plots : inline SVG by title
    sections : tables of names and values by heading, such as data facts, hyperparameters, resources
    """

    title: str
    framing: Sequence[str]
    qualities: Mapping[str, Quality]
    verdicts: Sequence[str]
    plots: Mapping[str, str]
    sections: dict[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def write(path: Path, findings: Findings) -> None:
    """Write the report as one HTML file, its style and plots inline."""
    path.write_text(page(findings), encoding="utf-8")


def page(findings: Findings) -> str:
    """The report as HTML."""
    return PAGE.substitute(
        title=escape(findings.title),
        style=Path(__file__).with_name("report.css").read_text(encoding="utf-8"),
        framing=_paragraphs(findings.framing),
        verdicts=_paragraphs(findings.verdicts, "verdict"),
        figures=_figures(findings.qualities),
        plots="\n".join(_plot(title, svg) for title, svg in findings.plots.items()),
        sections="\n".join(_section(title, rows) for title, rows in findings.sections.items() if rows),
    )


def figure_rows(qualities: Mapping[str, Quality]) -> list[list[str]]:
    """The table of figures as texts, heading first: for the terminal and the page alike."""
    heading = ["", "Rows", *(title for _, title in FIGURES)]
    rows = [
        [name, f"{quality.rows:,}", *(f"{getattr(quality, figure):.3f}" for figure, _ in FIGURES)]
        for name, quality in qualities.items()
    ]
    return [heading, *rows]


def _paragraphs(texts: Sequence[str], kind: str = "") -> str:
    opening = f'<p class="{kind}">' if kind else "<p>"
    return "\n".join(f"{opening}{escape(text)}</p>" for text in texts)


def _figures(qualities: Mapping[str, Quality]) -> str:
    heading, *rows = figure_rows(qualities)
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)
    body = "\n".join(_figure_row(row) for row in rows)
    return f'<div class="wide"><table class="figures">\n<tr>{head}</tr>\n{body}\n</table></div>'


def _figure_row(row: Sequence[str]) -> str:
    name, *figures = (escape(cell) for cell in row)
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{figure}</td>" for figure in figures)}</tr>'


def _plot(title: str, svg: str) -> str:
    name = escape(title)
    labelled = svg.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
    return f"<figure>\n<figcaption>{name}</figcaption>\n{labelled}</figure>"


def _section(title: str, rows: Sequence[tuple[str, str]]) -> str:
    body = "\n".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f'<div>\n<h2>{escape(title)}</h2>\n<table class="facts">\n{body}\n</table>\n</div>'
