"""The profile of a table, from the click to the page, in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.studio.conftest import Visitor

EXAMPLE = Path(__file__).parents[2] / "examples" / "fraud"


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The sample claims of the fraud tutorial."""
    path = tmp_path_factory.mktemp("claims") / "claims.csv"
    asked = ["--rows", "1000", "--seed", "7", "--out", str(path)]
    subprocess.run([sys.executable, str(EXAMPLE / "claims.py"), *asked], check=True, capture_output=True)
    return path.read_bytes()


def put(server: Any, key: str, content: bytes, bucket: str = "profiled") -> str:
    """Puts a table; the address of its profile."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    return f"/data/{bucket}/profile?{urlencode({'key': key})}"


def test_claims_are_profiled_by_opening_the_page(studio: Any, claims: bytes) -> None:
    where = put(studio.server, "raw/claims.csv", claims)
    page = studio.visit(where, check=False)
    expect(page.get_by_role("heading", name="Target: fraud_reported")).to_be_visible()
    studio.check()
    assert page.get_by_text("1,000", exact=True).first.is_visible()
    expect(page.get_by_text("policy_number is different in nearly every row")).to_be_visible()

    page.locator("#column-12 summary").click()
    opened = page.locator("#column-12 .opened")
    expect(opened.get_by_text("half of the rows lie below it")).to_be_visible()
    opened.locator("po-chart[drawn]").wait_for()
    studio.check()

    with page.expect_download() as kept:
        page.get_by_role("link", name="Download profile.json").click()
    assert json.loads(kept.value.path().read_text())["table"]["rows"] == 1000
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download CSV").click()
    assert len(kept.value.path().read_text().splitlines()) == 20
    train = page.get_by_role("link", name="Train on this").get_attribute("href")
    assert train.endswith("train=s3%3A%2F%2Fprofiled%2Fraw%2Fclaims.csv&target=fraud_reported")

    page.get_by_label("Use another").select_option("total_claim_amount")
    page.get_by_role("button", name="Look at it as the target").click()
    expect(page.get_by_role("heading", name="Target: total_claim_amount")).to_be_visible()
    expect(page.get_by_text("a model tells a number")).to_be_visible()


def test_a_second_look_shows_the_same_without_another_job(visitor: Visitor, claims: bytes) -> None:
    where = put(visitor.server, "twice/claims.csv", claims)
    sagemaker = visitor.server.client("sagemaker")
    before = jobs(sagemaker)
    assert "This table has no profile yet" in visitor.get(where).text
    assert visitor.post(where).status == 303
    made = jobs(sagemaker) - before
    assert len(made) == 1
    sagemaker.get_waiter("processing_job_completed_or_stopped").config.delay = 0.1
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName=made.pop(), WaiterConfig={"Delay": 1})
    assert "Target: fraud_reported" in visitor.get(where).text
    assert visitor.post(where).status == 303
    assert len(jobs(sagemaker) - before) == 1
    put(visitor.server, "twice/claims.csv", claims + claims.splitlines()[1] + b"\n")
    assert "This table has no profile yet" in visitor.get(where).text


def jobs(sagemaker: Any) -> set[str]:
    found = sagemaker.list_processing_jobs(NameContains="profile-", MaxResults=100)["ProcessingJobSummaries"]
    return {one["ProcessingJobName"] for one in found}
