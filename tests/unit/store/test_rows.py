"""What every back end of rows does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from potager.kernel import clock
from potager.kernel.errors import Exists, Invalid, NotFound, Stale
from potager.kernel.names import Scope
from potager.store.pages import Page
from potager.store.rows import Row, Rows, Tx

HERE = Scope("000000000000", "us-east-1")
THERE = Scope("000000000000", "eu-west-1")


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:000000000000:model/{name}"


async def insert(rows: Rows, name: str, scope: Scope = HERE, status: str | None = None, **doc: Any) -> Row:
    return await rows.write(lambda tx: tx.insert("model", scope, name, doc, arn=arn(name), status=status))


class TestRows:
    async def test_a_row_comes_back_as_it_was_written(self, rows: Rows) -> None:
        doc = {
            "Text": "ü😀",
            "Number": 1.5,
            "Nothing": None,
            "List": [{"a": True}],
            "At": datetime(2026, 1, 1, tzinfo=UTC),
        }
        made = await rows.write(lambda tx: tx.insert("model", HERE, "a", doc, arn=arn("a"), status="InService"))
        found = await rows.find("model", HERE, "a")
        assert found.doc == {**doc, "At": datetime(2026, 1, 1, tzinfo=UTC).timestamp()}
        assert (found.created, found.version, found.status) == (made.created, 1, "InService")
        assert await rows.read(lambda tx: tx.by_arn(arn("a"))) == found

    async def test_a_name_stands_once_in_a_scope_and_kind(self, rows: Rows) -> None:
        await insert(rows, "a")
        await insert(rows, "a", THERE)
        await rows.write(lambda tx: tx.insert("endpoint", HERE, "a", {}, arn="e"))
        with pytest.raises(Exists):
            await insert(rows, "a")

    async def test_a_write_goes_on_after_a_name_was_taken(self, rows: Rows) -> None:
        await insert(rows, "a")

        def write(tx: Tx) -> None:
            with pytest.raises(Exists):
                tx.insert("model", HERE, "a", {}, arn=arn("a"))
            tx.insert("model", HERE, "b", {}, arn=arn("b"))

        await rows.write(write)
        assert await rows.get("model", HERE, "b")

    async def test_what_is_absent_is_none_or_not_found(self, rows: Rows) -> None:
        assert await rows.get("model", HERE, "a") is None
        assert await rows.read(lambda tx: tx.by_arn("arn:none")) is None
        with pytest.raises(NotFound, match="model named 'a'"):
            await rows.find("model", HERE, "a")

    async def test_bytes_and_not_a_number_are_refused(self, rows: Rows) -> None:
        for bad in (b"x", float("nan")):
            with pytest.raises(Exception, match=r"bytes|nan|float"):
                await insert(rows, "a", Bad=bad)
        assert await rows.get("model", HERE, "a") is None

    async def test_a_write_that_raises_changes_nothing(self, rows: Rows) -> None:
        def write(tx: Tx) -> None:
            tx.insert("model", HERE, "a", {}, arn=arn("a"))
            raise Invalid("no")

        with pytest.raises(Invalid):
            await rows.write(write)
        assert await rows.get("model", HERE, "a") is None

    async def test_an_update_names_the_version_that_it_saw(self, rows: Rows) -> None:
        first = await insert(rows, "a", status="Creating")
        second = await rows.write(lambda tx: tx.update(first, doc={"n": 1}))
        third = await rows.write(lambda tx: tx.update(second, status="InService"))
        assert (third.version, third.doc, third.status) == (3, {"n": 1}, "InService")
        assert await rows.get("model", HERE, "a") == third
        for stale in (first, second):
            with pytest.raises(Stale):
                await rows.write(lambda tx, stale=stale: tx.update(stale, doc={"n": 2}))
            with pytest.raises(Stale):
                await rows.write(lambda tx, stale=stale: tx.delete(stale))

    async def test_of_many_updates_of_one_version_one_wins(self, rows: Rows) -> None:
        row = await insert(rows, "a")
        tries = [rows.write(lambda tx, n=n: tx.update(row, doc={"n": n})) for n in range(20)]
        done = await asyncio.gather(*tries, return_exceptions=True)
        won = [each for each in done if isinstance(each, Row)]
        assert len(won) == 1
        assert all(isinstance(each, (Row, Stale)) for each in done)
        assert await rows.get("model", HERE, "a") == won[0]

    async def test_counting_up_in_many_writes_loses_none(self, rows: Rows) -> None:
        await insert(rows, "a", n=0)

        def step(tx: Tx) -> None:
            row = tx.find("model", HERE, "a")
            tx.update(row, doc={"n": row.doc["n"] + 1})

        await asyncio.gather(*(rows.write(step) for _ in range(100)))
        assert (await rows.find("model", HERE, "a")).doc == {"n": 100}

    async def test_a_deleted_row_takes_its_tags_along(self, rows: Rows) -> None:
        row = await insert(rows, "a")
        await rows.write(lambda tx: tx.tag(row.arn, {"k": "v"}))
        await rows.write(lambda tx: tx.delete(row))
        assert await rows.read(lambda tx: tx.tags(row.arn)) == {}

    async def test_tags_are_added_changed_and_taken_off(self, rows: Rows) -> None:
        await rows.write(lambda tx: tx.tag("arn", {"a": "1", "b": "2"}))
        await rows.write(lambda tx: tx.tag("arn", {"b": "3", "c": "4"}))
        await rows.write(lambda tx: tx.untag("arn", ["a", "absent"]))
        assert await rows.read(lambda tx: tx.tags("arn")) == {"b": "3", "c": "4"}

    async def test_rows_in_a_status_are_found_in_all_scopes(self, rows: Rows) -> None:
        await insert(rows, "a", status="InProgress")
        await insert(rows, "b", THERE, status="Stopping")
        await insert(rows, "c", status="Completed")
        found = await rows.read(lambda tx: tx.where("model", ("InProgress", "Stopping")))
        assert [row.name for row in found] == ["a", "b"]


class TestLeases:
    async def test_of_two_claims_one_wins_until_the_lease_is_over(
        self, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = await insert(rows, "a")
        monkeypatch.setattr(clock, "now", lambda: 1000.0)
        claims = [rows.write(lambda tx, who=who: tx.claim(row, who, 1010.0)) for who in ("one", "two")]
        assert sorted(await asyncio.gather(*claims)) == [False, True]
        monkeypatch.setattr(clock, "now", lambda: 1011.0)
        assert await rows.write(lambda tx: tx.claim(row, "three", 1020.0))
        assert not await rows.write(lambda tx: tx.claim(row, "one", 1020.0))

    async def test_an_owner_renews_and_releases_and_no_version_changes(self, rows: Rows) -> None:
        row = await insert(rows, "a")
        assert await rows.write(lambda tx: tx.claim(row, "one", 2e9 + 1))
        assert await rows.write(lambda tx: tx.claim(row, "one", 2e9 + 2))
        await rows.write(lambda tx: tx.release(row, "two"))
        assert not await rows.write(lambda tx: tx.claim(row, "two", 2e9 + 1))
        await rows.write(lambda tx: tx.release(row, "one"))
        assert await rows.write(lambda tx: tx.claim(row, "two", 2e9 + 1))
        assert await rows.get("model", HERE, "a") == row

    async def test_a_row_that_is_gone_cannot_be_claimed(self, rows: Rows) -> None:
        row = await insert(rows, "a")
        await rows.write(lambda tx: tx.delete(row))
        assert not await rows.write(lambda tx: tx.claim(row, "one", 2e9))


class TestPages:
    @pytest.fixture(autouse=True)
    async def many(self, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
        """Twenty-five rows, several of the same instant."""

        def write(tx: Tx) -> None:
            for number in range(25):
                monkeypatch.setattr(clock, "now", lambda number=number: 1000.0 + number // 3)
                doc = {"Parity": "odd" if number % 2 else "even", "Big": number > 20, "Third": number // 3}
                status = "Failed" if number % 5 == 0 else "Completed"
                tx.insert("model", HERE, f"n{(number * 7) % 25:02d}", doc, arn=arn(str(number)), status=status)
            tx.insert("model", THERE, "elsewhere", {}, arn=arn("x"))

        await rows.write(write)

    async def walk(self, rows: Rows, page: Page) -> list[Row]:
        found: list[Row] = []
        from dataclasses import replace

        while True:
            batch, token = await rows.read(lambda tx, page=page: tx.page("model", HERE, page))
            assert len(batch) <= page.limit
            found += batch
            if token is None:
                return found
            page = replace(page, token=token)

    @pytest.mark.parametrize("order", ["created", "modified", "name", "status"])
    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("limit", [1, 4, 25, 100])
    async def test_pages_of_any_size_in_any_order_hold_every_row_once(
        self, rows: Rows, order: Any, descending: bool, limit: int
    ) -> None:
        found = await self.walk(rows, Page(limit=limit, order_by=order, descending=descending))
        keys = [(getattr(row, order), row.name) for row in found]
        assert len(found) == 25
        assert keys == sorted(keys, reverse=descending)

    async def test_rows_that_come_or_go_meanwhile_shift_nothing(self, rows: Rows) -> None:
        page = Page(limit=10, order_by="name")
        first, token = await rows.read(lambda tx: tx.page("model", HERE, page))
        await rows.write(lambda tx: tx.delete(first[3]))
        await insert(rows, "n00a")
        rest, _ = await rows.read(lambda tx: tx.page("model", HERE, Page(limit=100, order_by="name", token=token)))
        assert [row.name for row in rest] == [f"n{number:02d}" for number in range(10, 25)]

    async def test_filters_hold_together(self, rows: Rows) -> None:
        names = {row.name for row in await self.walk(rows, Page(name_contains="n1"))}
        assert names == {f"n{number}" for number in range(10, 20)}
        assert await self.walk(rows, Page(name_contains="N1")) == []
        between = await self.walk(rows, Page(created_after=1000.0, created_before=1003.0))
        assert {row.created for row in between} == {1001.0, 1002.0}
        modified = await self.walk(rows, Page(modified_after=1007.0))
        assert {row.modified for row in modified} == {1008.0}
        failed = await self.walk(rows, Page(status="Failed", where={"Parity": "odd"}))
        assert {row.doc["Parity"] for row in failed} == {"odd"}
        assert len(failed) == 2
        assert len(await self.walk(rows, Page(status=["Failed", "Completed"], where={"Big": True}))) == 4
        assert len(await self.walk(rows, Page(where={"Third": 2}))) == 3

    async def test_a_token_counts_only_where_it_was_given(self, rows: Rows) -> None:
        _, token = await rows.read(lambda tx: tx.page("model", HERE, Page(limit=2)))
        assert token
        others = [
            Page(limit=2, token=token, descending=True),
            Page(limit=2, token=token, name_contains="n"),
            Page(limit=2, token=token, status="Failed"),
            Page(limit=2, token=token, where={"Big": True}),
            Page(limit=2, token=token[:-4] + "AAAA"),
            Page(limit=2, token="made up"),
            Page(limit=2, token=""),
        ]
        for page in others:
            with pytest.raises(Invalid, match="NextToken"):
                await rows.read(lambda tx, page=page: tx.page("model", HERE, page))
        with pytest.raises(Invalid):
            await rows.read(lambda tx: tx.page("model", THERE, Page(limit=2, token=token)))
        assert (await rows.read(lambda tx: tx.page("model", HERE, Page(limit=5, token=token))))[0]
