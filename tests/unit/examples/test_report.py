"""The report: one page, nothing beside it, nothing unescaped."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import evaluate
import numpy as np
import plots
import pytest
import report

NASTY = "<script>alert('&\"')</script>"


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=300) < 0.25).astype(int)
    scores = 1 / (1 + np.exp(-(rng.normal(size=300) + 2 * labels - 1.5)))
    return evaluate.Predictions(labels, scores, (scores > 0.4).astype(int))


@pytest.fixture(scope="module")
def drawn(predictions):
    return plots.plots(predictions, evaluate.measure(predictions))


@pytest.fixture(scope="module")
def page(predictions, drawn):
    findings = report.Findings(
        title=f"Predicting {NASTY}",
        framing=[f"Problem {NASTY}"],
        qualities={f"model {NASTY}": evaluate.measure(predictions)},
        verdicts=[NASTY],
        plots=drawn,
        sections={f"Data {NASTY}": [(NASTY, NASTY)], "Nothing": []},
    )
    return report.page(findings)


def test_there_are_four_plots_each_well_formed(drawn):
    assert list(drawn) == ["ROC curve", "Precision and recall", "Confusion matrix", "Scores"]
    for svg in drawn.values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_the_page_parses_with_every_element_closed(page):
    open_elements = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag != "meta":
                open_elements.append(tag)

        def handle_endtag(self, tag):
            assert open_elements.pop() == tag

    Balance().feed(page)
    assert not open_elements


def test_texts_from_outside_are_escaped(page):
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 8


def test_the_page_loads_nothing_from_anywhere(page):
    links = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)|@import', page)
    assert all("".join(link).startswith("#") for link in links)


def test_no_id_is_on_the_page_twice(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_colours_come_from_the_page_for_light_and_dark(page, drawn):
    assert "prefers-color-scheme: dark" in page
    assert not any(placeholder in svg for svg in drawn.values() for placeholder in plots.VARIABLES)
    assert set(re.findall(r"var\((--\w+)\)", "".join(drawn.values()))) <= set(re.findall(r"(--\w+):", page))


def test_sections_without_rows_are_left_out(page):
    assert "Nothing" not in page


def test_a_model_that_gives_one_answer_to_all_can_be_drawn_too():
    labels = np.array([0, 1] * 20)
    predictions = evaluate.always_no(labels)
    assert plots.threshold_of(predictions) is None
    assert len(plots.plots(predictions, evaluate.measure(predictions))) == 4


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    thinned = plots._thinned(np.arange(1_000_000))
    assert len(thinned) == plots.MOST_POINTS
    assert (thinned[0], thinned[-1]) == (0, 999_999)


def test_the_table_of_figures_starts_with_its_heading(predictions):
    heading, row = report.figure_rows({"model": evaluate.measure(predictions)})
    assert heading == ["", "Rows", "Accuracy", "Precision", "Recall", "F1", "ROC AUC"]
    assert row[:2] == ["model", "300"]
