"""Workers follow the machine, container limits included."""

from pathlib import Path

import pytest

from pipeline.scoring import machine


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8))
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_without_a_limit_all_cores_are_used(root: Path) -> None:
    assert machine.cores(root) == 8
    put(root, "proc/self/cgroup", "0::/\n")
    put(root, "sys/fs/cgroup/cpu.max", "max 100000\n")
    assert machine.cores(root) == 8


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("200000", 2), ("250000", 3), ("9900000", 8)])
def test_the_quota_of_a_container_counts(quota: str, cores: int, root: Path) -> None:
    put(root, "proc/self/cgroup", "0::/box/inner\n")
    put(root, "sys/fs/cgroup/box/cpu.max", f"{quota} 100000\n")
    put(root, "sys/fs/cgroup/box/inner/cpu.max", "max 100000\n")
    assert machine.cores(root) == cores


def test_version_1_of_control_groups_counts_too(root: Path) -> None:
    put(root, "proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/box\n")
    put(root, "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "300000\n")
    put(root, "sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n")
    assert machine.cores(root) == 3


def test_little_memory_means_fewer_workers(root: Path) -> None:
    put(root, "proc/self/cgroup", "0::/\n")
    put(root, "sys/fs/cgroup/memory.max", f"{1500 << 20}\n")
    assert machine.memory(root) == 1500 << 20
    assert machine.default_workers(root) == 2
    put(root, "sys/fs/cgroup/memory.max", f"{100 << 20}\n")
    assert machine.default_workers(root) == 1
