"""Bytes → text in whatever encoding they are written, and the repair of what was garbled before.

>>> decode("It’s done.".encode("cp1252")), repair("Itâ€™s done.")
('It’s done.', 'It’s done.')
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import ftfy
from charset_normalizer import from_bytes

SAMPLE = 1 << 20  # bytes that the encoding of a file of rows is decided from
UNDECODED = re.compile(r"[\ud800-\udfff]")  # in a row of `open_rows`: bytes that are not valid UTF-8
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_BINARY = "binary, not text"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_REPAIR = ftfy.TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_character_width=False,
    fix_latin_ligatures=False,
    normalization=None,
    explain=False,
)


class Unusable(ValueError):
    """Why a row, or a whole file, is rejected."""


def decode(data: bytes) -> str:
    """The bytes of a whole file → text: UTF-8 first, UTF-16 or UTF-32 by their mark, else the likeliest encoding.

    Raises:
        ValueError: when the bytes are no text.
    """
    return data.decode(_encoding(data, whole=True), errors="replace")


def repair(text: str) -> str:
    """Undo mojibake, drop control characters and end lines in "\\n"; quotes, widths and ligatures stay."""
    return _CONTROL.sub("", ftfy.fix_text(text, _REPAIR).replace("\f", "\n"))


def _encoding(data: bytes, whole: bool) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        raise Unusable(_BINARY)
    if _is_utf8(data, whole):
        return "utf-8"
    guess = from_bytes(data[:SAMPLE]).best()
    if guess is None:
        raise Unusable(_BINARY)
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
def open_rows(path: Path, newline: str) -> Iterator[TextIO]:
    """A file of rows as text, in the encoding that its beginning is in.

    Raises:
        Unusable: when the bytes are no text.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    encoding = _encoding(sample, whole=len(sample) < SAMPLE)
    # In UTF-8 an undecodable byte becomes half a character, by which its row alone is rejected later.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline=newline) as stream:
        yield stream
