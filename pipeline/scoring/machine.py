"""What this machine gives a process: cores and memory, container limits included."""

from __future__ import annotations

import math
import os
from pathlib import Path

_WORKER_BYTES = 700 << 20  # what a worker with the encoder may come to


def cores(root: Path = Path("/")) -> int:
    """Processor cores that this process may use: those it is bound to, and no more than its control group's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min((_quota(folder) for folder in _groups(root, "cpu")), default=math.inf)
    return max(1, min(bound, math.ceil(quota) if math.isfinite(quota) else bound))


def memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this process may use: the machine's, and no more than its control group's limit."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 33
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [_number(folder / name) for folder in _groups(root, "memory") for name in names]
    return int(min([whole, *limits]))


def default_workers(root: Path = Path("/")) -> int:
    """A worker a core, as far as memory goes."""
    return max(1, min(cores(root), memory(root) // _WORKER_BYTES))


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of this process's control group and those above it, in version 2 and version 1."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" or controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / ("" if number == "0" else controller)
            own = base / path.lstrip("/")
            found += [folder for folder in (own, *own.parents) if folder == base or base in folder.parents]
    return found


def _quota(folder: Path) -> float:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota, period = (str(_number(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    try:
        cores_ = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):
        return math.inf
    return cores_ if cores_ > 0 else math.inf


def _number(file: Path) -> float:
    try:
        return float(file.read_text().strip())
    except (OSError, ValueError):
        return math.inf
