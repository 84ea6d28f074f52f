"""A file of any known format → its rows, as they are written; a row that cannot be read holds the reason.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp(), "pact.csv")
>>> _ = path.write_text("id,text,pages\\n7,A pact.,2\\n8\\n", encoding="utf-8")
>>> [(row.number, row.content) for row in rows(path, max_bytes=1_000)]
[(1, {'id': '7', 'text': 'A pact.'}), (2, Unusable('1 columns where the header has 3'))]
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from frontmatter.default_handlers import YAMLHandler

from pipeline.text.decoding import SAMPLE, UNDECODED, Unusable, decode, open_rows

FIELDS = ("id", "title", "text", "date", "source", "genre", "pair")
_PARQUET_BATCH = 128  # rows held at once
_AROUND = 1 << 20  # characters of a row around its fields: names, quotes, separators
_ESCAPED, _QUOTED = 6, 2  # characters that stand for a byte of a field at most: \u0041 in JSON, "" in CSV
_NOT_UTF8 = "not valid UTF-8, unlike the rest of the file"
# Only dates that a page states: searching its text for one would find any date that the news is about.
_WRITTEN_DATES = {"extensive_search": False, "original_date": True}
Fields = Mapping[str, object]


class Row(NamedTuple):
    number: int
    content: Fields | Unusable
    raw: object


def rows(path: Path, max_bytes: int) -> Iterator[Row]:
    """The rows of a file, read as its suffix says, few held at a time; row 0 is the whole file. Raises nothing."""
    suffix = path.suffix.lower()
    try:
        if suffix not in _READERS:
            raise Unusable(f"cannot read {suffix or 'files without a suffix'}; save as one of {', '.join(_READERS)}")
        if not path.is_file():
            raise Unusable("not a file")
        yield from _READERS[suffix](path, max_bytes)
    except Unusable as why:
        yield Row(0, why, "")
    except OSError as error:
        yield Row(0, Unusable(f"cannot be read ({error.strerror or error})"), "")


def size(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def too_large(max_bytes: int) -> Unusable:
    """Why a row or file of more than `max_bytes` bytes is rejected."""
    return Unusable(f"larger than {max_bytes} bytes")


def _one_line(told: object) -> str:
    """`told` on one line, with nothing in it that commands a terminal."""
    return "".join(c for c in " ".join(str(told).split()) if c.isprintable())[:200]


# --- one article a file


def _read_document(path: Path, max_bytes: int) -> Iterator[Row]:
    if path.stat().st_size > max_bytes:
        raise too_large(max_bytes)
    text = decode(path.read_bytes())
    try:
        yield Row(0, _PARSERS[path.suffix.lower()](text), text)
    except Unusable as why:
        yield Row(0, why, text)


def _parse_text(text: str) -> Fields:
    return {"text": text}


def _parse_markdown(text: str) -> Fields:
    handler = YAMLHandler()
    text = text.replace("\r\n", "\n")
    if not handler.detect(text):
        return {"text": text}
    try:
        front, body = handler.split(text)
    except ValueError:
        raise Unusable("broken front matter (no second --- to end it)") from None
    try:
        # The base loader makes strings only: 0404 stays "0404" and a date stays as it was written.
        about = handler.load(front, Loader=yaml.BaseLoader) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unusable(f"broken front matter ({_one_line(error)})") from None
    if not isinstance(about, dict):
        raise Unusable("broken front matter (no 'key: value' lines between the two ---)")
    known = {name: value for name, value in about.items() if name in FIELDS and value not in ("null", "~")}
    return {**known, "text": body.strip("\n")}


def _parse_html(text: str) -> Fields:
    import trafilatura  # here, for most input has no page in it
    from trafilatura.settings import Document

    try:
        found = trafilatura.bare_extraction(
            text, with_metadata=True, include_comments=False, date_extraction_params=_WRITTEN_DATES
        )
    except Exception as error:  # noqa: BLE001 - whatever a hostile page makes the parser raise, only this page is lost
        raise Unusable(f"cannot be read as HTML ({type(error).__name__})") from None
    page: dict[str, Any] = found.as_dict() if isinstance(found, Document) else found or {}
    if not page.get("text"):
        raise Unusable("no main text found in the page")
    return {"text": page["text"], "title": page.get("title"), "date": page.get("date"), "source": page.get("sitename")}


# --- one article a row


def _read_jsonl(path: Path, max_bytes: int) -> Iterator[Row]:
    most, number, empty = _ESCAPED * max_bytes + _AROUND, 0, True
    with open_rows(path, newline="\n") as stream:
        while line := stream.readline(most + 1):
            number += 1
            if len(line) > most:
                _skip_line(stream, line, "\n")
                yield Row(number, too_large(max_bytes), line)
            elif line.strip():
                yield Row(number, _parse_json(line), line.rstrip("\n"))
            else:
                continue
            empty = False
    if empty:
        raise Unusable("empty")


def _skip_line(stream: TextIO, begun: str, ends: str) -> None:
    while begun and begun[-1] not in ends:
        begun = stream.readline(SAMPLE)


def _parse_json(line: str) -> Fields | Unusable:
    if UNDECODED.search(line):
        return Unusable(_NOT_UTF8)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Unusable(f"broken JSON ({error})")
    if not isinstance(value, dict):
        return Unusable(f"JSON {type(value).__name__}, not an object")
    return {name: value[name] for name in FIELDS if name in value}


def _read_csv(path: Path, max_bytes: int) -> Iterator[Row]:
    with open_rows(path, newline="") as stream:
        found = _csv_rows(_Lines(stream, max_bytes))
        header, _ = next(found, (Unusable("empty"), ""))
        if isinstance(header, Unusable):
            raise header
        names = [name.strip() for name in header]
        _require_text(names)
        for number, (cells, raw) in enumerate(found, start=1):
            yield Row(number, _csv_fields(names, cells, max_bytes), raw)


class _Lines:
    """A file's lines; those of the row at hand are kept, so that they can be put back.

    `next` raises `csv.Error` or `Unusable` where the row is too long to be held.
    """

    def __init__(self, stream: TextIO, max_bytes: int):
        self.stream, self.max_bytes = stream, max_bytes
        self.most = _QUOTED * max_bytes + _AROUND
        self.row: list[str] = []
        self.left = self.most
        self.waiting: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else self._read()
        if not line:
            raise StopIteration
        self.row.append(line)
        self.left -= len(line)
        if self.left < 0:
            raise csv.Error("no end of a quote") if len(self.row) > 1 else too_large(self.max_bytes)
        return line

    def _read(self) -> str:
        line = self.stream.readline(self.most + 1)
        if len(line) > self.most:
            _skip_line(self.stream, line, "\r\n")
        return line

    def begin(self) -> None:
        """Go on to the next row."""
        self.row, self.left = [], self.most

    def put_back(self) -> None:
        """Leave the row its first line; the others are read again."""
        self.waiting.extendleft(reversed(self.row[1:]))
        del self.row[1:]


def _csv_rows(lines: _Lines) -> Iterator[tuple[list[str] | Unusable, str]]:
    """Each row's cells, or why it is broken, and the lines it stands on.

    A quote that is not closed would swallow the rows after it: of a broken row only the first line is given up.
    """
    csv.field_size_limit(max(csv.field_size_limit(), lines.most))  # never lowered: it is the whole process's
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin()
        try:
            cells: list[str] | Unusable = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = Unusable(f"broken CSV ({error})")
        except Unusable as why:
            cells = why
        if isinstance(cells, Unusable):
            lines.put_back()
        if cells != []:
            yield cells, "".join(lines.row).rstrip("\r\n")


def _csv_fields(names: list[str], cells: list[str] | Unusable, max_bytes: int) -> Fields | Unusable:
    if isinstance(cells, Unusable):
        return cells
    if sum(map(size, cells)) > max_bytes:
        return too_large(max_bytes)
    if any(UNDECODED.search(cell) for cell in cells):
        return Unusable(_NOT_UTF8)
    if len(cells) != len(names):
        return Unusable(f"{len(cells)} columns where the header has {len(names)}")
    return {name: cell for name, cell in zip(names, cells, strict=True) if name in FIELDS}


def _read_parquet(path: Path, max_bytes: int) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _require_text(file.schema_arrow.names)
            columns = [name for name in file.schema_arrow.names if name in FIELDS]
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH, columns=columns):
                for index in range(batch.num_rows):
                    number += 1
                    fields = _parquet_fields(batch, index)
                    yield Row(number, fields, "" if isinstance(fields, Unusable) else fields)
    except (pa.ArrowException, OSError) as error:
        after = f" after row {number}" if number else ""
        raise Unusable(f"broken Parquet{after} ({_one_line(error)})") from None


def _parquet_fields(batch: Any, index: int) -> Fields | Unusable:
    fields: dict[str, object] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            fields[name] = column[index].as_py()
        except (ValueError, ArithmeticError, LookupError) as error:  # not UTF-8, beyond Python's years, no such zone
            return Unusable(f"'{name}' cannot be read ({error})")
    return fields


def _require_text(names: list[str]) -> None:
    if "text" not in names:
        raise Unusable(f"no 'text' column (columns: {_one_line(', '.join(names))}); name the articles' column 'text'")


_PARSERS: dict[str, Callable[[str], Fields]] = {
    ".txt": _parse_text,
    ".md": _parse_markdown,
    ".html": _parse_html,
    ".htm": _parse_html,
}
_READERS: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    **dict.fromkeys(_PARSERS, _read_document),
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
