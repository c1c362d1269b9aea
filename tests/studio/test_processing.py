"""A processing job in a browser: what goes in and out, what it prints as it goes, why it failed, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.processing import Processing
from tests.studio.conftest import Studio, Visitor


@pytest.fixture(scope="module")
def processing(server: Any) -> Processing:
    return Processing(server)


WAITS = """
    import signal
    print("here the work begins", flush=True)
    while True:
        signal.pause()
"""


def test_a_job_is_seen_to_work_and_is_stopped(studio: Studio, processing: Processing) -> None:
    processing.road.put("raw/a.csv", "1,2\n")
    inputs, outputs = [processing.input("raw", "raw/")], [processing.output("clean", mode="Continuous")]
    job = processing.start("waits", WAITS, inputs=inputs, outputs=outputs)
    page = studio.visit(f"/processing-jobs/{job}", check=False)
    page.get_by_text("here the work begins").wait_for()
    studio.check()
    bucket = processing.road.bucket
    there = page.get_by_role("link", name=f"s3://{bucket}/raw/").get_attribute("href")
    assert there == f"/_studio/data/{bucket}?prefix=raw/"
    page.get_by_role("link", name=f"s3://{bucket}/clean").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_role("heading", level=1).get_by_text("Stopped").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    studio.check()


def test_why_it_failed_stands_at_its_head(visitor: Visitor, processing: Processing) -> None:
    job = processing.start("fails", "raise SystemExit('no rows to work on')")
    processing.wait(job)
    shown = visitor.get(f"/processing-jobs/{job}").text
    assert 'class="problem"' in shown
    stream = shown.split('stream="')[1].split('"')[0]
    told = visitor.get(f"/processing-jobs/{job}/log.json?stream={stream}").json
    assert any("no rows to work on" in text for _, text in told["events"])
    assert told["done"]
    assert visitor.get(f"/processing-jobs/{job}/log.json?stream=another/algo-1-1").status == 404
