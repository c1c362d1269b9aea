"""JupyterLab as a person uses it: opened from Studio, a cell written and run."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

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
    """Runs a text as the cell at a place, from 0; what the notebook puts out."""
    lab.locator(".jp-Notebook .jp-Cell .cm-content").nth(place).fill(text)
    lab.keyboard.press("Shift+Enter")
    return lab.locator(".jp-OutputArea-output")


def stop(page: Page) -> None:
    """Stops JupyterLab on Studio's page, and waits until it has stopped."""
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start").wait_for(timeout=PATIENCE)
