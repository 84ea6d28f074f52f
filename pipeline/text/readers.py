"""Files of any kind → articles, one at a time; what cannot be used comes out as a reject with its reason.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> _ = (folder / "pact.txt").write_text("Two countries signed a pact.", encoding="utf-8")
>>> [article.text for article in read_articles([folder]) if isinstance(article, Article)]
['Two countries signed a pact.']
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import ftfy
import pyarrow as pa
import pyarrow.parquet as pq
import trafilatura
import yaml
from charset_normalizer import from_bytes
from frontmatter.default_handlers import YAMLHandler
from trafilatura.settings import Document

from pipeline.errors import Problem, raise_if_any
from pipeline.schemas import Article, Reject

FIELDS = ("id", "title", "text", "date", "source", "genre", "pair")
RAW_LIMIT = 2_000  # characters of a rejected row that are kept
_SAMPLE = 1 << 20  # bytes that the encoding of a file of rows is decided from
_PARQUET_BATCH = 128  # rows held at once
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_BINARY = "binary, not text"
_NOT_UTF8 = "not valid UTF-8, unlike the rest of the file"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_NOT_IN_AN_ID = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNDECODED = re.compile(r"[\ud800-\udfff]")
_REPAIR = ftfy.TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_character_width=False,
    fix_latin_ligatures=False,
    normalization=None,
    explain=False,
)
# Only dates that a page states: searching its text for one would find any date that the news is about.
_WRITTEN_DATES = {"extensive_search": False, "original_date": True}
Fields = Mapping[str, object]


class _Unusable(ValueError):
    """Why a row, or a whole file, is rejected."""


class _Row(NamedTuple):
    number: int
    content: Fields | _Unusable
    raw: object


def read_articles(paths: Iterable[Path], max_bytes: int = 5_000_000) -> Iterator[Article | Reject]:
    """Read articles from files and folders, in order, holding one file or a few rows at a time.

    Rows are counted from 1 (JSON Lines: lines; CSV: rows after the header); row 0 is the whole file.
    An article without an id gets a hash of its title and text. A file or row of more than `max_bytes`
    bytes is rejected, and so is an id that was seen before.

    Raises:
        UserError: at once, naming every path that does not exist or may not be read.
    """
    return _read_all(expand(paths), max_bytes)


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files in the order given, each once; a folder becomes its files at any depth, sorted, hidden ones skipped.

    Raises:
        UserError: naming every path that does not exist or may not be read.
    """
    named = list(paths)
    raise_if_any(problem for path in named if (problem := _problem(path)) is not None)
    found = (file for path in named for file in (_files_in(path) if path.is_dir() else [path]))
    return list({os.path.abspath(file): file for file in found}.values())


def decode(data: bytes) -> str:
    """The bytes of a whole file → text: UTF-8 first, UTF-16 or UTF-32 by their mark, else the likeliest encoding.

    Raises:
        ValueError: when the bytes are no text.
    """
    return data.decode(_encoding(data, whole=True), errors="replace")


def repair(text: str) -> str:
    """Undo mojibake, drop control characters and end lines in "\\n"; quotes, widths and ligatures stay."""
    return _CONTROL.sub("", ftfy.fix_text(text, _REPAIR).replace("\f", "\n"))


def _problem(path: Path) -> Problem | None:
    if not os.path.exists(path):
        return Problem("no such file or folder", _printable(path), "name one that exists")
    if not os.access(path, os.R_OK):
        return Problem("may not be read", _printable(path), "give yourself the right to read it")
    return None


def _files_in(folder: Path) -> list[Path]:
    found: list[Path] = []
    unlisted: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in files if not name.startswith(".")]
    # A folder that cannot be listed is kept as if it were a file, so that reading it rejects it.
    return sorted(found + [Path(error.filename) for error in unlisted])


def _read_all(files: Iterable[Path], max_bytes: int) -> Iterator[Article | Reject]:
    seen: dict[str, bytes] = {}
    for path in files:
        for row in _rows(path, max_bytes):
            try:
                result: Article | Reject = _unseen(_article(row.content, max_bytes), seen)
            except _Unusable as why:
                result = Reject(_printable(path), row.number, str(why), _printable(row.raw))
            yield result


def _rows(path: Path, max_bytes: int) -> Iterator[_Row]:
    suffix = path.suffix.lower()
    try:
        if suffix not in _READERS:
            raise _Unusable(f"cannot read {suffix or 'files without a suffix'}; save as one of {', '.join(_READERS)}")
        if not path.is_file():
            raise _Unusable("not a file")
        yield from _READERS[suffix](path, max_bytes)
    except _Unusable as why:
        yield _Row(0, why, "")
    except OSError as error:
        yield _Row(0, _Unusable(f"cannot be read ({error.strerror or error})"), "")


def _article(content: Fields | _Unusable, max_bytes: int) -> Article:
    if isinstance(content, _Unusable):
        raise content
    text = content.get("text")
    if not isinstance(text, str):
        raise _Unusable("no 'text'" if text is None else f"'text' is {type(text).__name__}, not a string")
    if sum(_size(value) for value in content.values() if isinstance(value, str)) > max_bytes:
        raise _too_large(max_bytes)
    text = repair(text)
    if not text.strip():
        raise _Unusable("empty")
    about = {name: _short(name, content.get(name)) for name in ("title", "date", "source", "genre", "pair")}
    return Article(_given_id(content.get("id")) or _content_id(about["title"], text), text, **about)


def _short(name: str, value: object) -> str:
    if value is None or value != value:  # NaN is what data frames write for nothing
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return " ".join(repair(str(value)).split())
    raise _Unusable(f"'{name}' is {type(value).__name__}, not a string")


def _given_id(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Unusable(f"'id' is {type(value).__name__}, not a string")
    if _NOT_IN_AN_ID.search(str(value)):
        raise _Unusable("'id' has control characters")
    return str(value).strip()


def _content_id(title: str, text: str) -> str:
    return "a" + hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16]


def _unseen(article: Article, seen: dict[str, bytes]) -> Article:
    digest = hashlib.blake2b(article.text.encode(), digest_size=16).digest()
    if seen.setdefault(article.id, digest) is digest:
        return article
    same = seen[article.id] == digest
    raise _Unusable(f"duplicate of {article.id}" if same else f"id {article.id} seen before with another text")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _too_large(max_bytes: int) -> _Unusable:
    return _Unusable(f"larger than {max_bytes} bytes")


def _printable(value: object) -> str:
    # Half characters (undecoded bytes, broken file names) could not be written as UTF-8 later.
    text = value if isinstance(value, str) else str(value) if isinstance(value, Path) else _as_json(value)
    return text[:RAW_LIMIT].encode("utf-8", "replace").decode("utf-8")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


# --- encodings


def _encoding(data: bytes, whole: bool) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        raise _Unusable(_BINARY)
    if _is_utf8(data, whole):
        return "utf-8"
    guess = from_bytes(data[:_SAMPLE]).best()
    if guess is None:
        raise _Unusable(_BINARY)
    return "cp1252" if _is_western(data) else guess.encoding


def _is_utf8(data: bytes, whole: bool) -> bool:
    # A stray byte or two does not make a UTF-8 file another encoding: real ones have hardly a valid sequence.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data, whole)
    broken = text.count("\ufffd")
    return not broken or sum(ord(char) > 0x7F for char in text) - broken > broken


def _is_western(data: bytes) -> bool:
    # In short texts every table of one byte a character fits, and guesses go astray; but where less than half
    # lies beyond ASCII the script is Latin, and Windows-1252 is what such files are in practice.
    if len(data.translate(None, _BEYOND_ASCII)) * 2 < len(data):
        return False
    try:
        return bool(data.decode("cp1252"))
    except UnicodeDecodeError:
        return False


@contextlib.contextmanager
def _open_rows(path: Path, newline: str) -> Iterator[TextIO]:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    encoding = _encoding(sample, whole=len(sample) < _SAMPLE)
    # In UTF-8 an undecodable byte becomes half a character, by which its row alone is rejected later.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline=newline) as stream:
        yield stream


# --- one article a file


def _read_document(path: Path, max_bytes: int) -> Iterator[_Row]:
    if path.stat().st_size > max_bytes:
        raise _too_large(max_bytes)
    text = decode(path.read_bytes())
    try:
        yield _Row(0, _PARSERS[path.suffix.lower()](text), text)
    except _Unusable as why:
        yield _Row(0, why, text)


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
        raise _Unusable("broken front matter (no second --- to end it)") from None
    try:
        # The base loader makes strings only: 0404 stays "0404" and a date stays as it was written.
        about = handler.load(front, Loader=yaml.BaseLoader) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _Unusable(f"broken front matter ({_one_line(error)})") from None
    if not isinstance(about, dict):
        raise _Unusable("broken front matter (no 'key: value' lines between the two ---)")
    known = {name: value for name, value in about.items() if name in FIELDS and value not in ("null", "~")}
    return {**known, "text": body.strip("\n")}


def _parse_html(text: str) -> Fields:
    try:
        found = trafilatura.bare_extraction(
            text, with_metadata=True, include_comments=False, date_extraction_params=_WRITTEN_DATES
        )
    except Exception as error:  # noqa: BLE001 - whatever a hostile page makes the parser raise, only this page is lost
        raise _Unusable(f"cannot be read as HTML ({type(error).__name__})") from None
    page: dict[str, Any] = found.as_dict() if isinstance(found, Document) else found or {}
    if not page.get("text"):
        raise _Unusable("no main text found in the page")
    return {"text": page["text"], "title": page.get("title"), "date": page.get("date"), "source": page.get("sitename")}


# --- one article a row


def _read_jsonl(path: Path, max_bytes: int) -> Iterator[_Row]:
    number = 0
    with _open_rows(path, newline="\n") as stream:
        while line := stream.readline(max_bytes + 1):
            number += 1
            if len(line) > max_bytes and not line.endswith("\n"):
                _skip_line(stream)
                yield _Row(number, _too_large(max_bytes), line)
            elif line.strip():
                yield _Row(number, _parse_json(line), line.rstrip("\n"))
    if not number:
        raise _Unusable("empty")


def _skip_line(stream: TextIO) -> None:
    while (rest := stream.readline(_SAMPLE)) and not rest.endswith("\n"):
        pass


def _parse_json(line: str) -> Fields | _Unusable:
    if _UNDECODED.search(line):
        return _Unusable(_NOT_UTF8)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _Unusable(f"broken JSON ({error})")
    if not isinstance(value, dict):
        return _Unusable(f"JSON {type(value).__name__}, not an object")
    return {name: value[name] for name in FIELDS if name in value}


def _read_csv(path: Path, max_bytes: int) -> Iterator[_Row]:
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes))  # never lowered: it is the whole process's
    with _open_rows(path, newline="") as stream:
        rows = _csv_rows(stream)
        header = next(rows, _Unusable("empty"))
        if isinstance(header, _Unusable):
            raise header
        names = [name.strip() for name in header]
        _require_text(names)
        for number, cells in enumerate(rows, start=1):
            yield _Row(number, _csv_fields(names, cells, max_bytes), "" if isinstance(cells, _Unusable) else cells)


def _csv_rows(stream: TextIO) -> Iterator[list[str] | _Unusable]:
    reader = csv.reader(stream)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Unusable(f"broken CSV ({error})")
        else:
            if cells:
                yield cells


def _csv_fields(names: list[str], cells: list[str] | _Unusable, max_bytes: int) -> Fields | _Unusable:
    if isinstance(cells, _Unusable):
        return cells
    if sum(map(_size, cells)) > max_bytes:
        return _too_large(max_bytes)
    if any(_UNDECODED.search(cell) for cell in cells):
        return _Unusable(_NOT_UTF8)
    if len(cells) != len(names):
        return _Unusable(f"{len(cells)} columns where the header has {len(names)}")
    return {name: cell for name, cell in zip(names, cells, strict=True) if name in FIELDS}


def _read_parquet(path: Path, max_bytes: int) -> Iterator[_Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _require_text(file.schema_arrow.names)
            columns = [name for name in file.schema_arrow.names if name in FIELDS]
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH, columns=columns):
                for index in range(batch.num_rows):
                    number += 1
                    fields = _parquet_fields(batch, index)
                    yield _Row(number, fields, "" if isinstance(fields, _Unusable) else fields)
    except (pa.ArrowException, OSError) as error:
        after = f" after row {number}" if number else ""
        raise _Unusable(f"broken Parquet{after} ({_one_line(error)})") from None


def _parquet_fields(batch: Any, index: int) -> Fields | _Unusable:
    fields: dict[str, object] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            fields[name] = column[index].as_py()
        except ValueError as error:  # text that is not UTF-8, a date beyond Python's years
            return _Unusable(f"'{name}' cannot be read ({error})")
    return fields


def _require_text(names: list[str]) -> None:
    if "text" not in names:
        raise _Unusable(f"no 'text' column (columns: {', '.join(names)[:200]}); name the articles' column 'text'")


_PARSERS: dict[str, Callable[[str], Fields]] = {
    ".txt": _parse_text,
    ".md": _parse_markdown,
    ".html": _parse_html,
    ".htm": _parse_html,
}
_READERS: dict[str, Callable[[Path, int], Iterator[_Row]]] = {
    **dict.fromkeys(_PARSERS, _read_document),
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
