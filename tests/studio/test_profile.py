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
    assert train.endswith("/new/training-table?source=s3%3A%2F%2Fprofiled%2Fraw%2Fclaims.csv&target=fraud_reported")

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


def test_a_file_that_is_no_table_is_told_of_with_its_log_and_can_be_tried_again(studio: Any) -> None:
    where = put(studio.server, "odd/a b&c?#é.csv", bytes(range(256)) * 10)
    page = studio.visit(where, check=False)
    expect(page.get_by_role("heading", name="The table could not be profiled")).to_be_visible()
    expect(page.get_by_text("it is no table of text, but binary")).to_be_visible()
    studio.check()
    page.get_by_role("link", name="The job", exact=True).click()
    expect(page.get_by_role("heading", name="profile-")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Its log").click()
    expect(page.get_by_text("but binary").first).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("it is no table of text, but binary")).to_be_visible()
    studio.server.client("s3").put_object(Bucket="profiled", Key="odd/a b&c?#é.csv", Body=b"a,b\n1,2\n")
    page.goto(page.url)
    expect(page.get_by_text("The table has 1 rows.")).to_be_visible()


def test_a_table_of_many_columns_shows_some_and_the_others_when_asked(studio: Any) -> None:
    names = [f"feature {at}" for at in range(1200)]
    rows = [",".join(str((at * row) % 7) for at in range(1200)) for row in range(30)]
    page = studio.visit(put(studio.server, "wide.csv", "\n".join([",".join(names), *rows]).encode()), check=False)
    expect(page.get_by_text("199 are left out: feature 1000, feature 1001")).to_be_visible()
    assert page.locator(".opens").count() == 100
    page.get_by_role("button", name="901 more columns").click()
    expect(page.locator(".opens")).to_have_count(200)
    page.locator("#column-150 summary").press("Enter")
    expect(page.locator("#column-150 .opened")).to_contain_text("Different values")
    studio.check()


def test_a_link_from_elsewhere_starts_nothing(visitor: Visitor, claims: bytes) -> None:
    where = put(visitor.server, "elsewhere/claims.csv", claims)
    assert "hx-trigger" not in profile_form(visitor.get(where, sec_fetch_site="cross-site").text)
    assert 'hx-trigger="load, submit"' in profile_form(visitor.get(where, sec_fetch_site="same-origin").text)
    assert visitor.send("POST", where, b"", {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert "This table has no profile yet" in visitor.get(where).text


def profile_form(text: str) -> str:
    """The form that starts a profile."""
    return text[text.index('<form method="post" action="/_studio/data/') :].partition(">")[0]


def test_what_is_not_there_has_no_profile(visitor: Visitor) -> None:
    put(visitor.server, "there.csv", b"a,b\n1,2\n")
    assert visitor.get("/data/profiled/profile?key=absent.csv").status == 404
    assert visitor.get("/data/profiled/profile").status == 400
    assert visitor.get("/data/no-bucket-of-that-name/profile?key=x").status == 404
    assert visitor.get("/data/profiled/profile/profile.json?key=there.csv").status == 404
    assert visitor.get("/data/profiled/profile/column?key=there.csv&place=1").status == 404
