"""Where articles lie and rows go on a cluster: paths of this machine, or URLs of any store that fsspec knows."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import fsspec.core

from pipeline.errors import UserError
from pipeline.scoring.parts import OURS
from pipeline.storage import atomic_write
from pipeline.text.readers import expand

DONE = "_SUCCESS"  # in the output folder once it is whole
_UNREACHED = (OSError, ImportError, ValueError)  # no such place, no package for it, no such protocol


class File(NamedTuple):
    """A file of articles: its place in the order of all files, its path or URL, its size in bytes."""

    number: int
    url: str
    size: int


def is_remote(url: str) -> bool:
    """Whether this is a URL and no path."""
    return "://" in url


def listed(words: Sequence[str]) -> list[File]:
    """Files of paths, folders, URLs and URLs with wildcards, in the order given; a folder's files are sorted.

    Raises:
        UserError: when a place does not exist, or the package that reaches it is missing.
    """
    found: dict[str, int] = {}
    for word in words:
        if is_remote(word):
            found |= _found_at(word)
        else:
            found |= {str(path): path.stat().st_size for path in expand([Path(word)])}
    if not found:
        raise UserError.one("no article found", ", ".join(words), "name files or folders with articles")
    return [File(number, url, size) for number, (url, size) in enumerate(found.items())]


def _found_at(url: str) -> dict[str, int]:
    try:
        files, path = _reached(url)
        if any(mark in path for mark in "*?["):
            found = files.glob(path, detail=True)
        elif files.isdir(path):
            found = files.find(path, detail=True)
        else:
            found = {path: files.info(path)}
    except _UNREACHED as error:
        raise UserError.one(f"cannot be read ({error})", url, "mend the URL, or install what reaches it") from None
    kept = {name: about for name, about in sorted(found.items()) if about["type"] == "file" and not _hidden(name, path)}
    return {files.unstrip_protocol(name): int(about.get("size") or 0) for name, about in kept.items()}


def _hidden(name: str, below: str) -> bool:
    parts = name.removeprefix(below).split("/")
    return any(part.startswith((".", "_")) for part in parts if name != below)


@contextlib.contextmanager
def nearby(url: str) -> Iterator[Path]:
    """The file as a path of this machine: itself, or a copy while the block lasts.

    Raises:
        OSError: when it cannot be fetched.
    """
    if not is_remote(url):
        yield Path(url)
        return
    with tempfile.TemporaryDirectory(prefix="detente-") as folder:
        files, path = _reached(url)
        copy = Path(folder) / f"articles{PurePosixPath(path).suffix}"
        files.get_file(path, str(copy))
        yield copy


def write_whole(url: str, data: bytes) -> None:
    """A file that is there with all of its bytes or not at all; written twice, it is there once."""
    if is_remote(url):
        files, path = _reached(url)
        files.pipe_file(path, data)  # a store shows an object when its upload has ended
    else:
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(url)) as file:
            file.write(data)


def write_lines(url: str, lines: Iterator[str]) -> None:
    """A file of lines; where there is none, no file, nor one that was there before."""
    files, path = _reached(url)
    first = next(lines, None)
    if first is None:
        if files.exists(path):
            files.rm_file(path)
        return
    with files.open(path, "wb") if is_remote(url) else atomic_write(Path(url)) as file:
        file.writelines(f"{line}\n".encode() for line in chain([first], lines))


def emptied(out: str) -> None:
    """Make the output folder, less what an earlier run left there: its parts and its mark, nothing else.

    Raises:
        UserError: when the place cannot be reached.
    """
    try:
        files, path = _reached(out)
        names = files.ls(path, detail=False) if files.isdir(path) else []
        for name in sorted(names, key=lambda name: PurePosixPath(name).name != DONE):  # the mark goes first
            if OURS.fullmatch(PurePosixPath(name).name):
                files.rm_file(name)
        files.makedirs(path, exist_ok=True)
    except _UNREACHED as error:
        raise UserError.one(f"cannot be written ({error})", out, "mend the URL, or install what reaches it") from None


def _reached(url: str) -> tuple[Any, str]:
    found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    return found
