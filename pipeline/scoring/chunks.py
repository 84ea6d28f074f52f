"""Files in groups, and the articles of a group in chunks: what a worker of a cluster takes at a time.

Groups and chunks follow from the list of files alone, so that a task that is run again makes the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pipeline.schemas import Article, Reject
from pipeline.scoring.places import File, is_remote, nearby
from pipeline.scoring.windows import FULL, Window
from pipeline.text.readers import Seen, read_file

GROUP = 64 << 20  # bytes of files from which a group is full
FIRST_CHUNK, FULL_CHUNK = FULL, 32 * FULL  # characters of a group's first chunk and of its largest; each doubles


def grouped(files: Sequence[File]) -> list[list[File]]:
    """Neighbouring files together until they come to `GROUP` bytes."""
    groups: list[list[File]] = []
    size = GROUP
    for file in files:
        if size >= GROUP:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.size + 4096  # what opening one costs
    return groups


def chunks(files: Sequence[File], max_bytes: int, seen: Callable[[File], Seen]) -> Iterator[Window]:
    """The articles and rejects of a group in chunks, in order, one held at a time; `seen` gives each file's ids."""
    chunk = Window(0)
    for file in files:
        for item in _items(file, max_bytes, seen(file)):
            chunk.read += 1
            if isinstance(item, Article):
                chunk.articles.append(item)
            else:
                chunk.rejects.append(item)
            chunk.characters += len(item.text if isinstance(item, Article) else item.raw) + 100
            if chunk.characters >= min(FULL_CHUNK, FIRST_CHUNK << min(chunk.number, 10)):
                yield chunk
                chunk = Window(chunk.number + 1)
    if chunk.read:
        yield chunk


def _items(file: File, max_bytes: int, seen: Seen) -> Iterator[Article | Reject]:
    try:
        with nearby(file.url) as path:
            for item in read_file(path, max_bytes, seen):
                yield replace(item, file=file.url) if isinstance(item, Reject) and is_remote(file.url) else item
    except OSError as error:  # of the fetching: the reader makes rejects of its own
        yield Reject(file.url, 0, f"cannot be read ({error.strerror or error})")


def digest_of(id_: str) -> bytes:
    """What stands for an id where ids are counted."""
    return hashlib.blake2b(id_.encode(), digest_size=16).digest()


class Noted:
    """Ids as a file gives them, in order, each with a digest of its text; none counts as seen."""

    def __init__(self) -> None:
        self.ids: list[tuple[bytes, bytes]] = []

    def setdefault(self, id_: str, digest: bytes, /) -> bytes:
        self.ids.append((digest_of(id_), digest))
        return digest


First = Mapping[bytes, tuple[int, bytes]]  # ids that come more than once: the number of their first file, its digest


class Known:
    """The ids of one file where it is known which file has which first."""

    def __init__(self, file: int, first: First):
        self.file, self.first = file, first
        self.had: set[bytes] = set()

    def setdefault(self, id_: str, digest: bytes, /) -> bytes:
        """`digest` itself where the id is seen for the first time, else the digest that it had first."""
        key = digest_of(id_)
        file, before = self.first.get(key, (self.file, digest))
        if file == self.file and key not in self.had:
            if key in self.first:
                self.had.add(key)
            return digest
        return before
