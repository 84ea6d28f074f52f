"""Files: atomic writes, JSON Lines of dataclasses, hashes, and model folders that are checked before use."""

from __future__ import annotations

import contextlib
import csv
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil

from pipeline.errors import Problem, UserError, raise_if_any

MANIFEST = "manifest.json"
_PART = ".part"  # ends the name of what is being written; git ignores it
Record = TypeVar("Record")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its name only when the block ends well."""
    _clear_left(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that replaces `path` only when the block ends well."""
    _clear_left(path)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=_PART))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _prefix(path: Path) -> str:
    return f".{path.name}.{os.getpid()}."


def _clear_left(path: Path) -> None:
    """Make the folder of `path`; remove what killed writers of `path` left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in left_by_killed(path.parent, path.name):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def left_by_killed(folder: Path, name: str = "*") -> list[Path]:
    """Half-written files and folders for `name` in `folder` whose writer is no longer alive."""
    pattern = f".{name if name == '*' else glob.escape(name)}.*{_PART}"
    return [path for path in folder.glob(pattern) if not _is_alive(path.name.split(".")[-3])]


def _is_alive(pid: str) -> bool:
    """Whether a process is there and not a mere entry that nobody has waited for."""
    try:
        return bool(psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE)
    except (ValueError, OverflowError, psutil.NoSuchProcess):
        return False
    except psutil.AccessDenied:
        return True


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def to_json(value: Any) -> str:
    """One line of JSON; dataclasses become objects."""
    return json.dumps(value, ensure_ascii=False, default=_as_mapping)


def _as_mapping(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, keys in the order given, atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, default=_as_mapping) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: when the file is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError.one("no such file", path, "run `dvc repro` to make it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError.one(f"broken JSON ({error})", path, "make it again with `dvc repro`") from None


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of like keys as CSV text."""
    rows = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_jsonl(path: Path, records: Iterable[Any]) -> None:
    """Write one JSON object a line, atomically."""
    with atomic_write(path) as file:
        for record in records:
            file.write(to_json(record).encode("utf-8") + b"\n")


def read_jsonl(path: Path, kind: type[Record]) -> list[Record]:
    """Read records of a dataclass, one a line; lists become tuples.

    Raises:
        UserError: naming every line that is not such a record.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise UserError.one("no such file", path, "run `dvc repro` to make it, or name another") from None
    except UnicodeDecodeError:
        raise UserError.one("not UTF-8 text", path, "save it as UTF-8") from None
    records: list[Record] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            records.append(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}))
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            problems.append(Problem(f"not a {kind.__name__} ({error})", f"{path}:{number}", "mend or remove the line"))
    raise_if_any(problems)
    return records


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, or of a folder's file names and contents."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    else:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def seal(folder: Path, kind: str) -> str:
    """Write the manifest of a finished model folder; returns the model's hash (of all its files)."""
    files = {
        p.relative_to(folder).as_posix(): sha256_of(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != MANIFEST
    }
    digest = _digest(files)
    write_json(folder / MANIFEST, {"kind": kind, "sha256": digest, "files": files})
    return digest


def _digest(files: Mapping[str, str]) -> str:
    """A model's hash, of its files' names and hashes."""
    return hashlib.sha256("".join(f"{name}\0{sha}\n" for name, sha in files.items()).encode()).hexdigest()


def verify(folder: Path) -> dict[str, Any]:
    """Check every file of a model folder against its manifest and return the manifest.

    Raises:
        UserError: when the folder is no model, or a file or the model's hash is missing, added or changed.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError.one("no model here", folder, "name a model of `models/`, or run `dvc repro` to make them")
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    remedy = "restore the folder with `dvc checkout --force` or train again with `dvc repro --force`"
    files = manifest.get("files")
    if not isinstance(files, dict) or not {"kind", "sha256"} <= set(manifest):
        raise UserError.one("broken manifest", folder / MANIFEST, remedy)
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST}
    problems = [Problem("file of the model is missing", str(folder / n), remedy) for n in sorted(set(files) - present)]
    problems += [Problem("file is not of the model", str(folder / n), remedy) for n in sorted(present - set(files))]
    problems += [
        Problem("bytes differ from the manifest", str(folder / name), remedy)
        for name in sorted(present & set(files))
        if sha256_of(folder / name) != files[name]
    ]
    if manifest["sha256"] != _digest(files):
        problems.append(Problem("the model's hash is not that of its files", str(folder / MANIFEST), remedy))
    raise_if_any(problems)
    return manifest
