"""Mends findings, each in a transaction of its own; keeps what it takes away.

DATA/fsck/<when>/rows.jsonl     a line a row: its table, and the row as it was
DATA/fsck/<when>/blobs/<id>     files that were not what they should be
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store import copying, entries, references, schema
from potager.store.fsck.finding import Finding


class Mender:
    """Mends one data folder.

    Parameters
    ----------
    connection : of the database, claimed; no transaction is open.
    scope : to whom a bucket belongs that has to be made anew.
    """

    def __init__(self, connection: Connection, data: Path, scope: Scope) -> None:
        self.connection = connection
        self.scope = scope
        when = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%d-%H%M%S-%f")
        self.folder = data / "fsck" / when
        self._doubtful: set[str] = set()
        """Blobs whose objects were taken away: their files are kept."""
        self._done = ""

    def mend(self, finding: Finding) -> str:
        """Mends a finding, all of it or nothing; what was done and where it keeps what it took, "" for nothing."""
        if finding.mend is None:
            return ""
        self._done = finding.remedy
        with self.connection.begin():
            finding.mend(self)
        return self._done

    def take_away(self, table: Table, which: ColumnElement[bool]) -> None:
        """Moves rows out of sight, into the report."""
        found = [dict(row) for row in self.connection.execute(select(table).where(which)).mappings()]
        self._report([{"table": table.name, "row": row} for row in found])
        self.connection.execute(delete(table).where(which))

    def take_version_away(self, bucket: str, key: str, version: str | None) -> None:
        """As `take_away`, of one version of an object; the one below takes its place."""
        found = entries.get_version(self.connection, bucket, key, version)
        if found is None:
            return
        self._report([{"table": "objects", "row": asdict(found)}])
        entries.remove_version(self.connection, bucket, key, version)  # what it frees, the next round finds

    def doubt(self, blob: str) -> None:
        """Has the files of a blob kept when nothing names them any more."""
        self._doubtful |= {blob, *(span.source for span in references.spans(self.connection, blob))}

    def remove(self, path: Path) -> None:
        """Removes a file that nothing names; one that held what was taken away is put aside."""
        if path.name in self._doubtful:
            self.put_aside(path)
        else:
            path.unlink(missing_ok=True)

    def put_aside(self, path: Path) -> None:
        """Moves a file beside the report."""
        copying.make(self.folder / "blobs")
        there = self.folder / "blobs" / path.name
        os.rename(path, there)
        self._done = f"It is put aside, as {there}."

    def bucket(self, name: str) -> None:
        """Makes a bucket anew."""
        values = {"name": name, "account": self.scope.account, "region": self.scope.region, "created": clock.now()}
        self.connection.execute(insert(schema.buckets), {**values, "doc": {}})

    def _report(self, lines: list[dict[str, Any]]) -> None:
        copying.make(self.folder)
        report = self.folder / "rows.jsonl"
        if lines and str(report) not in self._done:
            self._done += f" Rows are kept in {report}."
        handle = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, default=_text) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
