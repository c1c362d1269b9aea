"""What a data folder holds, held against what its rows say: every file has a name, every name has its bytes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from pathlib import Path

NAMED = """SELECT blob FROM objects UNION SELECT blob FROM versions WHERE blob IS NOT NULL
    UNION SELECT blob FROM parts"""
OWNERLESS = {
    "a part of no upload": "SELECT upload FROM parts WHERE upload NOT IN (SELECT id FROM uploads)",
    "pieces of nothing": f"""SELECT blob FROM pieces
        WHERE blob NOT IN ({NAMED}) AND blob NOT IN (SELECT id FROM uploads)""",
    "inline bytes of nothing": f"""SELECT blob FROM inline
        WHERE blob NOT IN ({NAMED}) AND blob NOT IN (SELECT source FROM pieces)""",
    "an upload in no bucket": "SELECT id FROM uploads WHERE bucket NOT IN (SELECT name FROM buckets)",
    "an object in no bucket": "SELECT key FROM objects WHERE bucket NOT IN (SELECT name FROM buckets)",
    "a version in no bucket": "SELECT key FROM versions WHERE bucket NOT IN (SELECT name FROM buckets)",
}
SIZES = """SELECT blob, size, etag, doc FROM objects UNION ALL
    SELECT blob, size, etag, doc FROM versions WHERE blob IS NOT NULL UNION ALL
    SELECT blob, size, etag, doc FROM parts"""


class Folder:
    """One data folder, at rest or under a server, as it is on the disk."""

    def __init__(self, data: Path) -> None:
        self.blobs = data / "blobs"
        self._file = data / "potager.db"

    def files(self) -> dict[str, Path]:
        """The blobs' files by id."""
        return {path.name: path for path in self.blobs.glob("[0-9a-f][0-9a-f]/*")}

    def used(self) -> int:
        """Bytes that the blobs take on the disk."""
        files = [*self.files().values(), *(self.blobs / "tmp").iterdir()]
        return sum(path.stat().st_blocks * 512 for path in files)

    def complaints(self, deep: bool = True) -> list[str]:
        """What is wrong; nothing, where nobody works on it and no file waits to be removed. `deep` reads every byte."""
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        try:
            connection.execute("BEGIN")
            return self._complaints(connection, deep)
        finally:
            connection.close()

    def _complaints(self, connection: sqlite3.Connection, deep: bool) -> list[str]:
        found = [f"{what}: {row[0]}" for what, query in OWNERLESS.items() for row in connection.execute(query)]
        found += [f"a temporary file: {path.name}" for path in (self.blobs / "tmp").iterdir()]
        files = self.files()
        inline = {row[0] for row in connection.execute("SELECT blob FROM inline")}
        pieces: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        for blob, source, start, size in connection.execute(
            "SELECT blob, source, start, size FROM pieces ORDER BY blob, number"
        ):
            pieces[blob].append((source, start, size))
            if size and source not in files and source not in inline:  # one of no bytes only keeps an upload's file
                found.append(f"a piece's source is gone: {source} of {blob}")
        named = {row[0] for row in connection.execute(NAMED)}
        sources = {source for each in pieces.values() for source, _, _ in each}
        found += [f"a file that nothing names: {blob}" for blob in files if blob not in named | sources]
        for blob, size, etag, doc in connection.execute(SIZES):
            if blob in inline:
                continue
            spans = pieces.get(blob) if blob not in files else [(blob, 0, files[blob].stat().st_size)]
            if not spans:
                found.append(f"a name without bytes: {blob}")
            elif '"_sse"' in doc:
                continue
            elif sum(each for _, _, each in spans) != size:
                found.append(f"{blob} is of {sum(each for _, _, each in spans)} bytes and not {size}")
            elif deep and "-" not in etag and _md5(files, spans) != etag:
                found.append(f"{blob} is not what its ETag says: {etag}")
        return found


def _md5(files: dict[str, Path], spans: list[tuple[str, int, int]]) -> str:
    digest = hashlib.md5()
    for source, start, size in spans:
        if size:
            with files[source].open("rb") as file:
                file.seek(start)
                digest.update(file.read(size))
    return digest.hexdigest()
