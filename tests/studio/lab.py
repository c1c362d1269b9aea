"""JupyterLab as a person uses it: opened from Studio, a cell written and run."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

PATIENCE = 120_000.0
"""Milliseconds: JupyterLab and a kernel start slowly on a machine that has other work."""


def opened(page: Page) -> Page:
    """The tab with a new notebook whose kernel has started; `page` is Studio's page of notebooks."""
    page.get_by_role("button", name="Start JupyterLab").click()
    link = page.get_by_role("link", name="Open JupyterLab")
    link.wait_for(timeout=PATIENCE)
    with page.expect_popup() as popup:
        link.click()
    lab = popup.value
    lab.set_default_timeout(PATIENCE)
    lab.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    lab.locator(".jp-Notebook .jp-Cell .cm-content").first.wait_for()
    lab.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    return lab


def run(lab: Page, place: int, text: str) -> Locator:
    """Runs a text as the cell at a place, from 0; what the notebook puts out.

    JupyterLab opens a kernel's socket anew where it finds the kernel changed: on a busy machine the first press is
    lost then, and the cell looks as if nobody had run it. A person presses again.
    """
    cell = lab.locator(".jp-Notebook .jp-Cell .cm-content").nth(place)
    cell.fill(text)
    lab.keyboard.press("Shift+Enter")
    prompt = lab.locator(".jp-Notebook .jp-Cell .jp-InputPrompt").nth(place)
    for _ in range(12):
        try:
            expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=10_000)
            break
        except AssertionError:
            if prompt.inner_text().strip() == "[ ]:":
                cell.press("Control+Enter")
    return lab.locator(".jp-OutputArea-output")


def stop(page: Page) -> None:
    """Stops JupyterLab on Studio's page, and waits until it has stopped."""
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start").wait_for(timeout=PATIENCE)
