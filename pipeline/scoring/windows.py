"""Articles in windows: what is scored at once, cut by the order of the input alone, so that a rerun cuts the same."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.errors import UserError
from pipeline.schemas import Article, Reject
from pipeline.storage import sha256_of
from pipeline.text.readers import read_file

FIRST, FULL = 16_384, 131_072  # characters of text in the first window and in the largest; each doubles the last


@dataclass(frozen=True)
class Place:
    """Where to go on reading: the file's index, and how many of its rows are done."""

    file: int = 0
    row: int = 0


BEGINNING = Place()


@dataclass
class Window:
    """Rows read one after another: articles to score, and rejects. `end` is the place after the last of them."""

    number: int
    read: int = 0
    articles: list[Article] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    characters: int = 0
    end: Place = BEGINNING


class Sources:
    """The input files and the ids they gave so far, kept on disk: memory does not grow with the input.

    `names` stand in rejects in place of the files' own where given. In `folder` a run leaves what a later one
    checks the input by; without a folder it is forgotten.
    """

    def __init__(
        self, files: Sequence[Path], max_bytes: int, folder: Path | None = None, names: Mapping[Path, str] | None = None
    ):
        self.files, self.max_bytes = files, max_bytes
        self.names = {str(path): name for path, name in (names or {}).items()}
        self._store = sqlite3.connect(folder / "input.sqlite" if folder else "", isolation_level=None)
        self._store.executescript(
            # FULL: a part that lasts through a power cut is worth nothing without the ids that it gave.
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
            "CREATE TABLE IF NOT EXISTS seen (id BLOB PRIMARY KEY, text BLOB, window INTEGER) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, sha256 TEXT,"
            " window INTEGER) WITHOUT ROWID; BEGIN"
        )
        self._window = 0

    def setdefault(self, id_: str, digest: bytes) -> bytes:
        """The digest of the text that an id had first."""
        key = hashlib.blake2b(id_.encode(), digest_size=16).digest()
        found = self._store.execute("SELECT text FROM seen WHERE id = ?", (key,)).fetchone()
        if found:
            return bytes(found[0])
        self._store.execute("INSERT INTO seen VALUES (?, ?, ?)", (key, digest, self._window))
        return digest

    def save(self) -> None:
        """Keep what was seen until now, for a run that goes on after this one."""
        self._store.execute("COMMIT")
        self._store.execute("BEGIN")

    def rewind(self, window: int) -> None:
        """Forget what windows from this one on have seen.

        Raises:
            UserError: when a file that was read before is another now.
        """
        self._store.execute("DELETE FROM seen WHERE window >= ?", (window,))
        self._store.execute("DELETE FROM files WHERE window >= ?", (window,))
        places = {name: path for path, name in self.names.items()}
        for stored, *known in self._store.execute("SELECT path, size, mtime, sha256 FROM files"):
            path = os.fsdecode(stored)
            if not _same(Path(places.get(path, path)), *known):
                raise changed(f"{path} is another than it was")

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()

    def windows(self, number: int, place: Place) -> Iterator[Window]:
        """Windows from this number and place on.

        Raises:
            UserError: when a file vanished since it was listed.
        """
        self._window = number
        window = Window(number, end=place)
        for index in range(place.file, len(self.files)):
            path, skip = self.files[index], place.row if index == place.file else 0
            self._note(path)
            for row, item in enumerate(read_file(path, self.max_bytes, self, skip), start=skip + 1):
                if isinstance(item, Reject) and not os.path.lexists(path):
                    raise changed(f"{path} is gone")
                self._put(window, item)
                window.read += 1
                window.end = Place(index, row)
                if window.characters >= min(FULL, FIRST << min(window.number, 10)):
                    yield window
                    self._window += 1
                    window = Window(self._window, end=window.end)
            window.end = Place(index + 1)
        if window.read:
            yield window

    def _put(self, window: Window, item: Article | Reject) -> None:
        if isinstance(item, Article):
            window.articles.append(item)
            window.characters += len(item.text)
        else:
            window.rejects.append(replace(item, file=self.names.get(item.file, item.file)))
            window.characters += len(item.raw) + 100

    def _note(self, path: Path) -> None:
        if not os.path.lexists(path):
            raise changed(f"{path} is gone")
        if path.is_file() and os.access(path, os.R_OK):
            stat = path.stat()
            name, sha256 = self.names.get(str(path), str(path)), sha256_of(path)
            values = (os.fsencode(name), stat.st_size, stat.st_mtime_ns, sha256, self._window)
            self._store.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?)", values)


def _same(path: Path, size: int, mtime: int, sha256: str) -> bool:
    if not path.is_file():
        return False
    stat = path.stat()
    return stat.st_size == size and (stat.st_mtime_ns == mtime or sha256_of(path) == sha256)


def changed(what: str) -> UserError:
    """What a run is told that cannot go on from another's parts."""
    return UserError.one(f"input or model changed: {what}", "a run was begun", "put it back, or begin anew: --restart")
