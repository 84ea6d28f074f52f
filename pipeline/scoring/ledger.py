"""What the driver of a cluster keeps on its disk: ids that come more than once, and what each chunk came to."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple

from pipeline.schemas import Reject
from pipeline.scoring.parts import Count

_SCHEMA = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-64000;
CREATE TABLE seen (id BLOB PRIMARY KEY, text BLOB, file INTEGER, nth INTEGER, twice INTEGER) WITHOUT ROWID;
CREATE TABLE chunks (grp INTEGER, chunk INTEGER, rejects TEXT, PRIMARY KEY (grp, chunk)) WITHOUT ROWID;
BEGIN
"""
_NOTE = """
INSERT INTO seen VALUES (?, ?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET twice = 1,
text = CASE WHEN (excluded.file, excluded.nth) < (file, nth) THEN excluded.text ELSE text END,
nth = CASE WHEN (excluded.file, excluded.nth) < (file, nth) THEN excluded.nth ELSE nth END,
file = min(file, excluded.file)
"""


class Ledger:
    """A database that lasts as long as the run: memory does not grow with the input."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="detente-")
        self._store = sqlite3.connect(f"{self._folder.name}/ledger.sqlite", isolation_level=None)
        self._store.executescript(_SCHEMA)
        self.count = Count()  # what all chunks came to together

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.close()
        self._folder.cleanup()

    def note(self, ids: Iterable[tuple[bytes, bytes, int, int]]) -> None:
        """Ids as files gave them, in any order: of id and text the digests, the file's number, its place there."""
        self._store.executemany(_NOTE, ids)

    def repeated(self) -> dict[bytes, tuple[int, bytes]]:
        """The ids that came more than once: the number of their first file, and the digest of the text there."""
        rows = self._store.execute("SELECT id, file, text FROM seen WHERE twice")
        return {bytes(id_): (file, bytes(text)) for id_, file, text in rows}

    def add(self, group: int, chunk: int, counts: str, rejects: str) -> None:
        """What a chunk came to, as JSON: its `Count` and its rejects.

        Raises:
            sqlite3.IntegrityError: when the chunk has come before.
        """
        self._store.execute("INSERT INTO chunks VALUES (?, ?, ?)", (group, chunk, rejects))
        self.count += Count(*json.loads(counts))

    def rejects(self) -> Iterator[Reject]:
        """The rejects of all chunks in the order of the input."""
        for (rejects,) in self._store.execute("SELECT rejects FROM chunks ORDER BY grp, chunk"):
            for values in json.loads(rejects):
                yield Reject(*values)


def as_json(count: Count, rejects: Iterable[Reject]) -> tuple[str, str]:
    """A chunk's count and rejects as `Ledger.add` takes them."""
    return json.dumps(astuple(count)), json.dumps([astuple(reject) for reject in rejects])
