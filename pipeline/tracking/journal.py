"""A run on its way to the store: a folder with its events, one JSON object a line, and its files.

The stage writes, another process reads and sends; each holds its lock while it works. A lock is the kernel's, so a
killed process leaves none behind. The folder goes when the store has everything.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

Event = dict[str, Any]


def now() -> int:
    """Milliseconds since 1970, as MLflow counts time."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Journal:
    """The folder of one run: `events.jsonl`, `files/` as they shall lie in the run, locks and `trouble.txt`."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def trouble(self) -> Path:
        return self.folder / "trouble.txt"

    def lock(self, role: str) -> FileLock:
        """The lock of the process that plays `role`: "writing" or "sending"."""
        return FileLock(self.folder / f"{role}.lock")

    def is_held(self, role: str) -> bool:
        """Whether a living process plays `role`."""
        try:
            with self.lock(role).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def add(self, kind: str, **values: Any) -> None:
        """Append an event."""
        line = json.dumps({"kind": kind, "time": now(), **values}, ensure_ascii=False)
        with (self.folder / "events.jsonl").open("ab") as file:
            file.write(line.encode() + b"\n")

    def events(self, skip: int = 0) -> list[Event]:
        """The events after the first `skip`; a line that a killed process left torn is no event."""
        whole = (self.folder / "events.jsonl").read_bytes().split(b"\n")[:-1]
        return [event for event in map(_event, whole) if event][skip:]

    def has_begun(self) -> bool:
        """Whether there is a run in it: its first event says whose."""
        with contextlib.suppress(FileNotFoundError):  # another process has just sent it
            return any(event["kind"] == "start" for event in self.events()[:1])
        return False

    def remove(self) -> None:
        """Delete the folder, its events first: what a killed process leaves of it is no journal any more."""
        (self.folder / "events.jsonl").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _event(line: bytes) -> Event | None:
    with contextlib.suppress(ValueError):
        value = json.loads(line)
        return value if isinstance(value, dict) and "kind" in value else None
    return None


def begin(spool: Path, start: Mapping[str, Any], stack: contextlib.ExitStack | None = None) -> Journal:
    """A new journal under `spool` whose first event holds `start` and a key of its own.

    With a `stack`, this process plays "writing" until that closes, and does so before there is an event to send.
    """
    key = uuid.uuid4().hex
    folder = spool / f"{now()}-{key[:8]}"
    (folder / "files").mkdir(parents=True)
    journal = Journal(folder)
    if stack is not None:
        stack.enter_context(journal.lock("writing"))
    journal.add("start", key=key, **start)
    return journal


def journals(spool: Path) -> list[Journal]:
    """All journals under `spool` that hold a run, oldest first."""
    return [journal for journal in folders(spool) if journal.has_begun()]


def folders(spool: Path) -> list[Journal]:
    """All journals under `spool`, oldest first, with those that a killed process left without a start."""
    return [Journal(path.parent) for path in sorted(spool.glob("*/events.jsonl"))]
