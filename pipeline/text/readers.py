"""Files of any kind → articles, one at a time; what cannot be used comes out as a reject with its reason.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> _ = (folder / "pact.txt").write_text("Two countries signed a pact.", encoding="utf-8")
>>> [article.text for article in read_articles([folder]) if isinstance(article, Article)]
['Two countries signed a pact.']
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Protocol

from pipeline.errors import Problem, raise_if_any
from pipeline.schemas import Article, Reject
from pipeline.text.decoding import Unusable, repair
from pipeline.text.formats import Fields, rows, size, too_large

RAW_LIMIT = 100_000  # characters of a rejected row that are kept
_HALF = re.compile(r"[\ud800-\udfff]")
_NOT_IN_AN_ID = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def read_articles(paths: Iterable[Path], max_bytes: int = 5_000_000) -> Iterator[Article | Reject]:
    """Read articles from files and folders, in order, holding one file or a few rows at a time.

    Rows are counted from 1 (JSON Lines: lines; CSV: rows after the header); row 0 is the whole file.
    An article without an id gets a hash of its title and text. A file, or a row's fields, of more than
    `max_bytes` bytes in UTF-8 is rejected, and so is an id that was seen before.

    Raises:
        UserError: at once, naming every path that does not exist or may not be read.
    """
    seen: dict[str, bytes] = {}
    return (item for path in expand(paths) for item in read_file(path, max_bytes, seen))


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files in the order given, each once; a folder becomes its files at any depth, sorted, hidden ones skipped.

    Links to folders are followed after all else, so that a folder is read under its own name where it has one here.

    Raises:
        UserError: naming every path that does not exist or may not be read.
    """
    named = list(paths)
    raise_if_any(problem for path in named if (problem := _problem(path)) is not None)
    found = (file for path in named for file in (_files_in(path) if path.is_dir() else [path]))
    return list({os.path.abspath(file): file for file in found}.values())


def _problem(path: Path) -> Problem | None:
    if not os.path.exists(path):
        return Problem("no such file or folder", _printable(path), "name one that exists")
    if not os.access(path, os.R_OK):
        return Problem("may not be read", _printable(path), "give yourself the right to read it")
    return None


def _files_in(folder: Path) -> list[Path]:
    found: list[Path] = []
    unlisted: list[OSError] = []
    been: set[str] = set()
    tops = [folder]
    for top in tops:  # grows meanwhile
        for root, folders, files in os.walk(top, onerror=unlisted.append):
            if (real := os.path.realpath(root)) in been:
                folders.clear()
                continue
            been.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            tops += [path for name in folders if (path := Path(root, name)).is_symlink()]
            found += [Path(root, name) for name in files if not name.startswith(".")]
    # A folder that cannot be listed is kept as if it were a file, so that reading it rejects it.
    return sorted(found + [Path(error.filename) for error in unlisted])


class Seen(Protocol):
    """The ids so far, each with a digest of its text; a dict will do."""

    def setdefault(self, id_: str, digest: bytes, /) -> bytes: ...


def read_file(path: Path, max_bytes: int, seen: Seen, skip: int = 0) -> Iterator[Article | Reject]:
    """The articles and rejects of one file, less its first `skip` rows; `seen` is told every id."""
    for row in islice(rows(path, max_bytes), skip, None):
        try:
            result: Article | Reject = _unseen(_article(row.content, max_bytes), seen)
        except Unusable as why:
            result = Reject(_printable(path), row.number, str(why), _printable(row.raw))
        yield result


def _article(content: Fields | Unusable, max_bytes: int) -> Article:
    if isinstance(content, Unusable):
        raise content
    text = content.get("text")
    if not isinstance(text, str):
        raise Unusable("no 'text'" if text is None else f"'text' is {type(text).__name__}, not a string")
    if sum(size(value) for value in content.values() if isinstance(value, str)) > max_bytes:
        raise too_large(max_bytes)
    text = repair(text)
    if not text.strip():
        raise Unusable("empty")
    about = {name: _short(name, content.get(name)) for name in ("title", "date", "source", "genre", "pair")}
    return Article(_given_id(content.get("id")) or _content_id(about["title"], text), text, **about)


def _short(name: str, value: object) -> str:
    if value is None or value != value:  # NaN is what data frames write for nothing
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return " ".join(repair(str(value)).split())
    raise Unusable(f"'{name}' is {type(value).__name__}, not a string")


def _given_id(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable(f"'id' is {type(value).__name__}, not a string")
    if _NOT_IN_AN_ID.search(str(value)):
        raise Unusable("'id' has control characters")
    return str(value).strip()


def _content_id(title: str, text: str) -> str:
    return "a" + hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16]


def _unseen(article: Article, seen: Seen) -> Article:
    digest = hashlib.blake2b(article.text.encode(), digest_size=16).digest()
    before = seen.setdefault(article.id, digest)
    if before is digest:
        return article
    same = before == digest
    raise Unusable(f"duplicate of {article.id}" if same else f"id {article.id} seen before with another text")


def _printable(value: object) -> str:
    text = value if isinstance(value, str) else str(value) if isinstance(value, Path) else _as_json(value)
    if len(text) > RAW_LIMIT:
        text = f"{text[:RAW_LIMIT]} … ({len(text)} characters in all)"
    # Undecoded bytes are half characters here, which could not be written as UTF-8; they are shown as \\xff.
    return _HALF.sub(lambda half: f"\\x{ord(half[0]) & 0xFF:02x}", text)


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
