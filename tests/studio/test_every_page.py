"""Every page of Studio, in light and dark, from 320 to 2560 pixels, by keyboard: what holds for all of them.

A house has something of each kind, made once. The pages are the app's own routes: one that stands neither in
`addresses` nor in `PARTS` fails the first test, so that whoever adds a page adds it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

import potager
from potager.studio.app import PAGES
from potager.studio.resources import RESOURCES
from tests.clients.processing import Processing
from tests.clients.road import Road, until, wait_for_job
from tests.clients.tuning import Tuning
from tests.studio.conftest import ROOT, Studio, Visitor
from tests.studio.test_data_preview import png, wav
from tests.studio.test_training_table import fields

WIDTHS = (2560, 1280, 640, 360, 320)
"""Of the window: a large screen, an ordinary one and that at 200 %, a telephone, and what WCAG 1.4.10 names."""

PARTS = {
    "/live": "events of home",
    "/tutorial/live": "events",
    "/settings/doctor": "a part of the settings",
    "/data/{bucket}/profile/live": "events",
    "/data/{bucket}/profile/column": "a part of the profile",
    "/data/{bucket}/profile/columns": "a part of the profile",
    "/data/{bucket}/profile/profile.json": "a download",
    "/data/{bucket}/profile/columns.csv": "a download",
    "/data/{bucket}/download": "a download",
    "/data/{bucket}/preview": "a part of an object's page",
    "/data/{bucket}/raw": "a picture or a sound",
    "/endpoints/{name}/live": "events",
    "/endpoints/{name}/charts/{what}.json": "data of a chart",
    "/endpoints/{name}/log.json": "data of a log",
    "/endpoints/{name}/log-search.json": "data of a log",
    "/endpoints/{name}/log.txt": "a download",
    "/endpoints/{name}/result": "a part of an endpoint's page",
    "/endpoints/{name}/rows": "a part of an endpoint's page",
    "/endpoints/{name}/moving": "a part of an endpoint's page",
    "/transform-jobs/{name}/live": "events",
    "/transform-jobs/{name}/log.json": "data of a log",
    "/transform-jobs/{name}/log-search.json": "data of a log",
    "/transform-jobs/{name}/log.txt": "a download",
    "/new/training-job/places": "a part of the form",
    "/new/training-job/look": "a part of the form",
    "/new/training-table/{name}/live": "events",
    "/tuning-jobs/{name}/live": "events",
    "/tuning-jobs/{name}/trials": "a part of a tuning job's page",
    "/tuning-jobs/{name}/trials.csv": "a download",
    "/tuning-jobs/{name}/importance": "a part of a tuning job's page",
    "/tuning-jobs/{name}/charts/{kind}": "data of a chart",
    "/processing-jobs/{name}/live": "events",
    "/processing-jobs/{name}/log.json": "data of a log",
    "/processing-jobs/{name}/log-search.json": "data of a log",
    "/processing-jobs/{name}/log.txt": "a download",
    "/logs/follow": "data of a log",
    "/logs/live": "events",
    "/alarms/{name:path}/chart": "data of a chart",
    "/training-jobs/{name}/log.json": "data of a log",
    "/training-jobs/{name}/log-search.json": "data of a log",
    "/training-jobs/{name}/log.txt": "a download",
    "/training-jobs/{name}/curves.json": "data of a chart",
    "/training-jobs/{name}/live": "events",
    "/compare/curves": "a part of the comparison",
    "/compare/curves.json": "data of a chart",
    "/compare/table.csv": "a download",
    "/notebooks/live": "events",
    "/notebooks/{name}/jupyter/{path:path}": "JupyterLab's own pages",
    "/{slug}.csv": "a download",
}
"""What is asked for by GET and is no page, and what it is."""

ENDS = "print('height=0.5;')"
WAITS = "import signal\nprint('height=0.5;', flush=True)\nwhile True:\n    signal.pause()\n"
TABLE = "age,amount,kind,fraud\n" + "".join(
    f"{20 + n % 50},{100 + n % 37 + 300 * (n % 5 == 0)},{('car', 'home')[n % 2]},{'yes' if n % 5 == 0 else 'no'}\n"
    for n in range(200)
)
OBJECTS: dict[str, bytes] = {
    "raw/claims.csv": TABLE.encode(),
    "a.jsonl": b'{"a": 1, "text": "one"}\n{"a": 2, "text": "two"}\n',
    "a.json": b'{"deep": {"er": [1, 2, 3]}}',
    "a.txt": b"A line.\nAnother, which is rather long: " + b"word " * 80,
    "a.png": png(),
    "a.wav": wav(),
    "a.bin": bytes(range(256)),
    "a.parquet": b"PAR1 broken",
    "folder/a name that is long and has no end, with blanks and signs & more " + "x" * 120 + ".txt": b"long",
}


class House:
    """A server with something of each kind; the attributes are names."""

    def __init__(self, server: potager.Local) -> None:
        self.server = server
        self.tuning = Tuning(server)
        self.processing = Processing(server)
        self.road: Road = self.tuning.road
        self.sagemaker = self.road.sagemaker
        self.bucket = self.road.bucket
        self._put()
        self.completed = self.road.start("completed")
        self.failed = self.road.start("failed", channels=[self.road.channel("train", "raw/")])
        self.tuned = self.tuning.start("tuned", train=ENDS, jobs=2)
        self.processed = self.processing.start("processed", "print('done')")
        self.job = wait_for_job(self.sagemaker, self.completed)
        self._host()
        self._watch()
        self.visitor = Visitor(server).sign_in()
        self._prepare()
        assert wait_for_job(self.sagemaker, self.failed)["TrainingJobStatus"] == "Failed"
        self.tuning.ended(self.tuned)
        self.processing.wait(self.processed)
        self.running = self.tuning.scripts.begin(f"{self.road.prefix}-running", {"train.py": WAITS})

    def _put(self) -> None:
        for key, content in OBJECTS.items():
            self.road.put(key, content)
        self.road.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.road.put("a.txt", "Another version.\n")

    def _host(self) -> None:
        self.endpoint = self.road.deploy(self.job, "deployed")
        self.model = self.config = self.endpoint
        for _ in range(3):
            self.road.runtime.invoke_endpoint(EndpointName=self.endpoint, ContentType="text/csv", Body=b"1,2,3,4")
        self.transform = f"{self.road.prefix}-transform"
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/validation/"}}
        self.sagemaker.create_transform_job(
            TransformJobName=self.transform,
            ModelName=self.model,
            TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{self.bucket}/answers"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )

        def ended() -> bool:
            told = self.sagemaker.describe_transform_job(TransformJobName=self.transform)
            return told["TransformJobStatus"] in ("Failed", "Completed")

        until(ended, "the transform job's end")

    def _watch(self) -> None:
        cloudwatch = self.server.client("cloudwatch")
        datum = {"MetricName": "Rain", "Value": 7.0, "Timestamp": datetime.now(UTC)}
        cloudwatch.put_metric_data(Namespace="Weather", MetricData=[datum])
        told = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3, "Threshold": 5.0}
        metric = {"Namespace": "Weather", "MetricName": "Rain", "ComparisonOperator": "GreaterThanThreshold"}
        cloudwatch.put_metric_alarm(AlarmName="rain/fell", **told, **metric)
        self.alarm = "rain/fell"

    def _prepare(self) -> None:
        self.table = f"{self.road.prefix}-table"
        opened = self.visitor.get(f"/new/training-table?source=s3://{self.bucket}/raw/claims.csv&target=fraud")
        started = self.visitor.post("/new/training-table", fields(opened.text) | {"name": self.table})
        assert started.status == 303, started.text
        self.processing.wait(self.table)
        self.profile = f"/data/{self.bucket}/profile?key=raw/claims.csv"
        assert self.visitor.post(self.profile).status == 303
        until(lambda: 'id="target"' in self.visitor.get(self.profile).text, "the profile")

    def end(self) -> None:
        """Stops what runs."""
        if self.sagemaker.describe_training_job(TrainingJobName=self.running)["TrainingJobStatus"] == "InProgress":
            self.sagemaker.stop_training_job(TrainingJobName=self.running)
        wait_for_job(self.sagemaker, self.running)
        self.road.delete(self.endpoint)


def addresses(house: House) -> Mapping[str, list[str]]:
    """The addresses of the pages that a route serves, by its path."""
    data, name = f"/data/{house.bucket}", house.completed
    source = f"s3://{house.bucket}/raw/claims.csv"
    jobs = (house.completed, house.failed, house.running)
    return {
        "/": ["/"],
        "/tutorial": ["/tutorial"],
        "/search": ["/search", f"/search?q={house.road.prefix}"],
        "/settings": ["/settings"],
        "/sign-in": ["/sign-in"],
        "/data": ["/data"],
        "/data/{bucket}": [data, f"{data}?prefix=raw/"],
        "/data/{bucket}/profile": [house.profile],
        "/data/{bucket}/settings": [f"{data}/settings"],
        "/data/{bucket}/object": [f"{data}/object?key={quote(key)}" for key in OBJECTS],
        "/new/bucket": ["/new/bucket"],
        "/new/endpoint": ["/new/endpoint", f"/new/endpoint?job={name}"],
        "/endpoints/{name}": [f"/endpoints/{house.endpoint}"],
        "/models/{name}": [f"/models/{house.model}"],
        "/endpoint-configs/{name}": [f"/endpoint-configs/{house.config}"],
        "/new/transform-job": [f"/new/transform-job?job={name}"],
        "/transform-jobs/{name}": [f"/transform-jobs/{house.transform}"],
        "/new/training-job": ["/new/training-job", "/new/training-job?algorithm=sagemaker-xgboost"],
        "/new/training-table": ["/new/training-table", f"/new/training-table?source={source}&target=fraud"],
        "/new/training-table/{name}": [f"/new/training-table/{house.table}"],
        "/tuning-jobs/{name}": [f"/tuning-jobs/{house.tuned}"],
        "/new/tuning-job": ["/new/tuning-job", "/new/tuning-job?algorithm=linear-learner"],
        "/processing-jobs/{name}": [f"/processing-jobs/{house.processed}"],
        "/logs": ["/logs", "/logs?q=height"],
        "/events": ["/events"],
        "/alarms": ["/alarms"],
        "/alarms/{name:path}": [f"/alarms/{house.alarm}"],
        "/compare": ["/compare", f"/compare?job={name}&job={house.failed}"],
        "/training-jobs/{name}": [
            *(f"/training-jobs/{job}" for job in jobs),
            *(f"/training-jobs/{name}?tab={tab}" for tab in ("log", "curves", "evaluation", "code")),
        ],
        "/notebooks": ["/notebooks"],
        "/{slug}": [f"/{resource.slug}" for resource in RESOURCES],
        "/{slug}/{name}": [],
    }


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with potager.local() as server:
        made = House(server)
        yield made
        made.end()


def test_every_page_is_known(house: House) -> None:
    routes = {route.path for module in PAGES for route in module.ROUTES if "GET" in (route.methods or ())}
    known = set(addresses(house)) | set(PARTS)
    assert routes - known == set(), "add these routes to `addresses`, or to `PARTS` where they are no pages"
    assert known - routes == set(), "these are no routes any more"
    served = {path.removesuffix("/{name}") for path in addresses(house) if path.endswith("/{name}")}
    lost = [each.slug for each in RESOURCES if f"/{each.slug}" not in served]
    assert lost == [], "these have the generic page: give `/{slug}/{name}` an address of each"


SETTLED = """() => !document.querySelector(".htmx-request")
    && [...document.querySelectorAll("po-chart")]
        .every((each) => each.matches("[drawn]") || each.querySelector(".none"))"""
"""Whether what a page asks for by itself has come."""

SAYS = """() => ({
    title: document.title,
    language: document.documentElement.lang,
    headings: document.querySelectorAll("h1").length,
    mains: document.querySelectorAll("main").length,
    twice: [...document.querySelectorAll("[id]")].map((each) => each.id).filter((id, at, all) => all.indexOf(id) < at),
    nameless: [...document.images].filter((each) => !each.hasAttribute("alt")).length,
    described: [...document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]")]
        .flatMap((each) => ["aria-describedby", "aria-labelledby"]
            .flatMap((name) => (each.getAttribute(name) ?? "").split(" ").filter(Boolean)))
        .filter((id) => !document.getElementById(id)),
})"""

WIDER = """() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    const out = [...document.querySelectorAll("main *, header *")].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.right > room + 1 && box.width && !each.closest(".scroll, pre, .log, .tall, .chart");
    });
    return ["the page scrolls sideways", ...out.slice(0, 4).map((each) => each.outerHTML.slice(0, 160))];
}"""
"""What sticks out of the page, if it scrolls sideways."""

SPACED = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important }
        * { word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`);
    document.adoptedStyleSheets = [sheet];
}"""
"""The text spacing that a page must bear (WCAG 1.4.12)."""

WALK = """() => {
    const stops = "a[href], button, input, select, textarea, summary, [tabindex]";
    const shown = (each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled && each.tabIndex >= 0
        && !each.closest("[inert]") && each.type !== "hidden";
    const told = (each) => each.outerHTML.slice(0, 120);
    const wanted = [...document.querySelectorAll(stops)].filter(shown)
        .filter((each) => each.type !== "radio" || each.checked
            || !document.querySelector(`input[type=radio][name="${each.name}"]:checked`));
    const met = new Set(), groups = new Set(), dark = [];
    const meet = () => {
        const each = document.activeElement;
        if (met.has(each)) return;
        met.add(each);
        if (each.type === "radio") groups.add(each.name);
        const style = getComputedStyle(each), box = each.getBoundingClientRect();
        const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
        if (!ring && each !== document.body) dark.push(`no ring: ${told(each)}`);
        if (box.bottom < 0 || box.top > innerHeight) dark.push(`out of sight: ${told(each)}`);
    };
    document.addEventListener("focusin", meet);
    document.activeElement.blur();
    window.walked = () => ({
        dark,
        missed: wanted.filter((each) => each.isConnected && shown(each) && !met.has(each) && !groups.has(each.name))
            .map(told),
    });
    return wanted.length;
}"""
"""Notes what gets the focus, and which of it does not show it; how many stops there are."""


class Walker:
    """Goes through pages, and keeps what is wrong with each."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.page = studio, studio.page
        self.found: list[str] = []

    def open(self, address: str) -> None:
        answer = self.page.goto(ROOT + address)
        self.note(address, [f"status {answer.status}"] if answer.status != 200 else [])
        self.page.wait_for_function(SETTLED)

    def note(self, address: str, found: list[str]) -> None:
        self.found += [f"{address}: {each}" for each in found]

    def check(self, address: str) -> None:
        """Axe's own opinion."""
        try:
            self.studio.check()
        except AssertionError as error:
            self.note(address, str(error).splitlines()[1:])

    def end(self) -> None:
        """Fails with all that was noted, and with what the console said."""
        assert not self.found, "\n".join(self.found)


def every(house: House) -> list[str]:
    return [address for some in addresses(house).values() for address in some]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_fit_to_read(browser: Any, house: House, scheme: str) -> None:
    """Axe finds nothing, nothing is wider than the window at any width, and the console says nothing."""
    studio = Studio(browser, house.server, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    walker, titles = Walker(studio), dict[str, str]()
    for address in every(house):
        walker.open(address)
        said = walker.page.evaluate(SAYS)
        titles.setdefault(said["title"], address)
        expected = {"language": "en", "headings": 1, "mains": 1, "twice": [], "nameless": 0, "described": []}
        walker.note(address, [f"{name} is {said[name]}" for name, value in expected.items() if said[name] != value])
        walker.note(address, [] if said["title"].removesuffix(" · Potager").strip() else ["it has no title"])
        for width in WIDTHS:
            walker.page.set_viewport_size({"width": width, "height": 900})
            walker.note(f"{address} at {width}", walker.page.evaluate(WIDER))
        if scheme == "light":
            walker.page.set_viewport_size({"width": 640, "height": 900})
            walker.page.evaluate(SPACED)
            walker.note(f"{address} spaced", walker.page.evaluate(WIDER))
            walker.page.evaluate("() => { document.adoptedStyleSheets = [] }")
            walker.page.set_viewport_size({"width": 360, "height": 900})
        else:
            walker.page.set_viewport_size({"width": 1280, "height": 900})
        walker.check(address)
        walker.page.set_viewport_size({"width": 1280, "height": 900})
    walker.note("titles", [] if len(titles) > len(addresses(house)) - 2 else [f"only {sorted(titles)}"])
    walker.note("console", studio.complaints)
    walker.page.context.close()
    walker.end()


def test_every_page_is_walked_by_keyboard(browser: Any, house: House) -> None:
    """The tab key reaches every control, the focus is seen at each, and it leaves the page again."""
    studio = Studio(browser, house.server, viewport={"width": 1280, "height": 900})
    walker = Walker(studio)
    for address in every(house):
        walker.open(address)
        for _ in range(walker.page.evaluate(WALK) + 20):
            walker.page.keyboard.press("Tab")
        walked = walker.page.evaluate("() => window.walked()")
        walker.note(address, [*walked["dark"], *(f"not reached: {each}" for each in walked["missed"])])
    walker.page.context.close()
    walker.end()


def test_a_filter_says_how_many_rows_are_left(browser: Any, house: House) -> None:
    """A person who sees nothing hears a number, and not the whole table."""
    studio = Studio(browser, house.server)
    page = studio.visit("/training-jobs", check=False)
    page.get_by_label("Name contains").fill(house.completed)
    told = page.get_by_role("status").filter(has_text="1 row")
    told.wait_for(state="attached")
    assert told.inner_text() == "1 row"
    page.get_by_label("Name contains").fill("none-of-that-name")
    page.get_by_role("status").filter(has_text="Nothing").wait_for(state="attached")
    studio.end()
