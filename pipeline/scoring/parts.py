"""The parts of an output: each complete or absent, each with a record by which a later run goes on after it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from pipeline.errors import UserError
from pipeline.schemas import Reject
from pipeline.scoring.sinks import join, write_part
from pipeline.scoring.windows import BEGINNING, Place, changed
from pipeline.storage import read_json, to_json, write_json

# A part of ours, or what a cluster wrote: `ray_engine.part_name`, `places.DONE`.
OURS = re.compile(r"part-\d{5,}\.parquet|part-\d{6,}-\d{6,}\.parquet|_SUCCESS")
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Count:
    """What went in and what came out, each counted where it happens: by the reader, the workers and the writer."""

    read: int = 0
    scored: int = 0
    rejected: int = 0
    sentences: int = 0
    rows: int = 0

    def __add__(self, other: Count) -> Count:
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return Count(*(one + another for one, another in pairs))


NOTHING = Count()


@dataclass(frozen=True)
class Record:
    """What a part holds, its files' sizes in bytes, and where the next begins: its first window, its place."""

    count: Count = NOTHING
    window: int = 0
    place: Place = BEGINNING
    size: int = 0
    rejects_size: int = 0


class Parts:
    """The parts of one output in `OUT.partial` beside it; where the output is a folder, Parquet parts stand in it."""

    def __init__(self, out: Path, ending: str, folder: bool):
        self.out, self.ending, self.is_folder = out, ending, folder
        self.work = out.with_name(out.name + ".partial")
        self.rejects = rejects_path(out)
        self.records: list[Record] = []

    @contextlib.contextmanager
    def opened(self, key: dict[str, Any], restart: bool) -> Iterator[None]:
        """Take the work folder for this run alone: go on after the parts in it, or begin.

        Raises:
            UserError: when another run is at it, or it was begun with another input, model or options (`key`).
        """
        if restart:
            with self._locked():
                self._remove()
        with self._locked():
            self._begin(json.loads(json.dumps(key)))
            yield

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the work folder, made where there is none."""
        self.work.mkdir(parents=True, exist_ok=True)
        place = self.work / "lock"
        with place.open("w") as lock:
            if not _lock(lock, place):
                raise UserError.one("another run is writing this output", self.out, "wait for it, or stop it")
            yield

    def _begin(self, key: dict[str, Any]) -> None:
        state = self.work / "state.json"
        if state.is_file():
            known = read_json(state)
            differ = [name for name in {**known, **key} if known.get(name) != key.get(name)]
            if differ:
                raise changed(f"{', '.join(differ)} of {self.work.name}")
        else:
            write_json(state, key)
            self._clear_folder()
        while self._file(len(self.records), "json").is_file():
            raw = read_json(self._file(len(self.records), "json"))
            self.records.append(_record(raw))
            self._check(len(self.records) - 1)
        self._drop_unfinished()

    def _clear_folder(self) -> None:
        for file in self.out.iterdir() if self.is_folder and self.out.is_dir() else ():
            if OURS.fullmatch(file.name):
                file.unlink()

    def _drop_unfinished(self) -> None:
        """What a killed run left: files of a part without its record, and those it had not renamed."""
        done = {self._file(n, kind) for n in range(len(self.records)) for kind in ("json", "data", "rejects")}
        kept = {"state.json", "lock", "input.sqlite", "input.sqlite-wal", "input.sqlite-shm"}
        for folder in {self.work, self.out if self.is_folder else self.work}:
            for file in folder.iterdir() if folder.is_dir() else ():
                ours = folder == self.work or file.name == _UNFINISHED or OURS.fullmatch(file.name)
                if ours and file not in done and file.name not in kept and not file.is_dir():
                    file.unlink()

    def _file(self, number: int, kind: str) -> Path:
        if kind == "data":
            return (self.out if self.is_folder else self.work) / f"part-{number:05}{self.ending}"
        return self.work / f"part-{number:05}.{kind}"

    def _check(self, number: int) -> None:
        record = self.records[number]
        for file, size in (
            (self._file(number, "data"), record.size),
            (self._file(number, "rejects"), record.rejects_size),
        ):
            if not file.is_file() or file.stat().st_size != size:
                raise UserError.one("part of an earlier run is damaged or gone", file, "begin anew: --restart")

    def commit(
        self, pieces: Sequence[pa.Table | bytes], schema: pa.Schema, rejects: Sequence[Reject], record: Record
    ) -> None:
        """Write the next part; it counts once its record is there."""
        number = len(self.records)
        data, refused = self._file(number, "data"), self._file(number, "rejects")
        with self._whole(data) as file:
            write_part(file, pieces, schema)
        with self._whole(refused) as file:
            file.writelines(to_json(reject).encode() + b"\n" for reject in rejects)
        record = replace(record, size=data.stat().st_size, rejects_size=refused.stat().st_size)
        with self._whole(self._file(number, "json")) as file:
            file.write(to_json(record).encode())
        self.records.append(record)

    @contextlib.contextmanager
    def _whole(self, path: Path) -> Iterator[IO[bytes]]:
        """A file that takes its name when it is on the disk; what is unfinished of it lies where a later run clears."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # An output folder may be a disk of its own, to which nothing can be renamed from elsewhere.
        unfinished = (path.parent if path.parent == self.out else self.work) / _UNFINISHED
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        _sync(path.parent)

    @property
    def count(self) -> Count:
        """What all parts hold together."""
        return sum((record.count for record in self.records), NOTHING)

    def finish(self, schema: pa.Schema) -> None:
        """Join the parts under their final names and remove the work folder."""
        numbers = range(len(self.records))
        for number in numbers:
            self._check(number)
        if self.count.rejected:
            with self._whole(self.rejects) as file:
                join([self._file(n, "rejects") for n in numbers], file, ".jsonl", schema)
        else:
            self.rejects.unlink(missing_ok=True)  # left over from an earlier run
        if not self.is_folder:
            with self._whole(self.out) as file:
                join([self._file(n, "data") for n in numbers], file, self.ending, schema)
        self._remove()

    def _remove(self) -> None:
        """Away in one step: what is half removed is never taken for a run to go on with."""
        gone = self.work.with_name(f".{self.work.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        if self.work.exists():
            self.work.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def rejects_path(out: Path) -> Path:
    """Where the rejects of an output go."""
    return out.with_name(out.name + ".rejects.jsonl")


def _record(raw: dict[str, Any]) -> Record:
    return Record(Count(**raw["count"]), raw["window"], Place(**raw["place"]), raw["size"], raw["rejects_size"])


def _lock(file: IO[str], place: Path) -> bool:
    """Lock a file; False where another run holds it, or took it away after it was opened."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), place.stat())
    except OSError:
        return False


def _sync(folder: Path) -> None:
    """Make names last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
