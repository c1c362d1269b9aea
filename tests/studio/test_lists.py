"""Lists: sorted, filtered, turned page by page, kept as CSV, and watched where rows are busy."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from potager.studio.pages import listed
from tests.clients.road import IMAGE, ROLE, Road, wait_for_job
from tests.studio.conftest import ROOT, Visitor

MANY = 55


@pytest.fixture(scope="module")
def many(server: Any) -> str:
    """What the names of more models than a page shows begin with."""
    storage, client = server.client("s3"), server.client("sagemaker")
    storage.create_bucket(Bucket="listed-models")
    storage.put_object(Bucket="listed-models", Key="model.tar.gz", Body=b"not opened here")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://listed-models/model.tar.gz"}
    for number in range(MANY):
        name = f"listed-{number:02}"
        client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    return "listed-"


def names(text: str) -> list[str]:
    return re.findall(r'id="row-([^"]+)"', text)


def way(text: str, label: str) -> str:
    """Where the link of that name leads, below Studio's address."""
    found = re.search(rf'href="([^"]+)"[^>]*>\s*{label}', text)
    assert found, label
    return found[1].replace("&amp;", "&").removeprefix(ROOT)


def test_pages_are_turned_there_and_back(visitor: Visitor, many: str) -> None:
    first = visitor.get(f"/models?name={many}").text
    assert len(names(first)) == listed.PAGE
    assert "50 shown, there are more" in first
    assert "Newer" not in first
    second = visitor.get(way(first, "Older")).text
    assert names(second) == [f"listed-{number:02}" for number in range(4, -1, -1)]
    assert "Older" not in second
    assert names(visitor.get(way(second, "Newer")).text) == names(first)


def test_a_list_is_sorted_by_a_click_and_keeps_its_filter(visitor: Visitor, many: str) -> None:
    page = visitor.get(f"/models?name={many}").text
    ascending = visitor.get(way(page, "Name")).text
    assert names(ascending)[:2] == ["listed-00", "listed-01"]
    assert 'aria-sort="ascending"' in ascending
    descending = visitor.get(way(ascending, "Name")).text
    assert names(descending)[0] == f"listed-{MANY - 1:02}"
    assert visitor.get("/models?sort=Shoe&order=Up").status == 400


def test_the_whole_list_is_kept_as_csv(visitor: Visitor, many: str) -> None:
    answer = visitor.get(f"/models.csv?name={many}&sort=Name&order=Ascending")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="models.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["ModelName"] for row in rows] == [f"listed-{number:02}" for number in range(MANY)]
    assert rows[0]["ModelArn"].endswith("model/listed-00")
    assert visitor.get("/models.csv?name=" + "x" * 300).status == 400
    assert visitor.get("/nonsense.csv").status == 404


def test_rows_that_are_as_they_were_are_not_sent_again(visitor: Visitor, many: str) -> None:
    whole = visitor.get(f"/models?name={many}", hx_request="true")
    assert whole.status == 200
    resource = listed.BY_SLUG["models"]
    seen = listed.digest(resource, [{resource.name: name} for name in names(whole.text)])
    assert visitor.get(f"/models?name={many}&seen={seen}", hx_request="true").status == 204
    assert visitor.get(f"/models?name={many}&seen=other", hx_request="true").status == 200


def test_busy_rows_are_watched_until_they_rest(studio: Any) -> None:
    road = Road(studio.server)
    job = road.start("watched", hyperparameters={"epochs": "2"})
    page = studio.visit(f"/training-jobs?name={job}")
    expect(page.get_by_role("row", name=job)).to_contain_text("Completed")
    wait_for_job(road.sagemaker, job)
    page.get_by_label("Status").select_option("Failed")
    page.get_by_role("paragraph").filter(has_text="Nothing fits these filters").wait_for()
    assert "status=Failed" in page.url
    studio.check()
