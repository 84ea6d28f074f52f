"""A run that is stopped at any moment is taken up by the same call and ends with the same bytes."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.classifiers.combination import Combined, Mix
from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.scoring import parts
from pipeline.scoring.scorer import Options, Tally, rejects_path, score
from pipeline.scoring.windows import Sources
from tests.unit.scoring.scorers import DECISION, ByWord

ROWS, FILES = 60, 4


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Four files with good rows, bad rows and rows that were there before."""
    folder = tmp_path / "in"
    folder.mkdir()
    for file in range(FILES):
        rows = [
            {"id": f"{n % 50}-{file // 2}", "text": f"The match {n} of {file}. {'A song. ' * 60}"} for n in range(ROWS)
        ]
        lines = [json.dumps(row) if n % 7 else "{broken" for n, row in enumerate(rows)]
        (folder / f"{file}.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.scoring.windows.FIRST", 2_000)
    monkeypatch.setattr("pipeline.scoring.windows.FULL", 8_000)
    monkeypatch.setattr("pipeline.scoring.scorer._PART", 2)


def run(inbox: Path, out: Path, seconds: float = 0.0, **options: object) -> Tally:
    options |= {"parts": out.suffix == ""}
    return score([inbox], out, ByWord(seconds), Options(**options))  # type: ignore[arg-type]


def made(out: Path) -> dict[str, bytes]:
    """Everything beside the input, by name."""
    files = [out] if out.is_file() else sorted(out.iterdir())
    return {file.name: file.read_bytes() for file in (*files, rejects_path(out))}


def stopped(work: Callable[[], object], after: float | None = None) -> int:
    """Do the work in a process of its own; killed after some seconds where given. Returns its exit code."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    if after is not None:
        time.sleep(after)
        if process.pid:
            os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode or 0


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet", "folder"])
def test_killed_at_random_moments(name: str, inbox: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole" / name
    start = time.monotonic()
    assert stopped(lambda: run(inbox, whole, 0.005)) == 0
    duration = time.monotonic() - start
    chance = random.Random(name)
    for moment in range(5):
        out = tmp_path / f"killed-{moment}" / name
        stopped(lambda at=out: run(inbox, at, 0.005), chance.uniform(0, duration))  # type: ignore[misc]
        assert not out.is_file() or made(out) == made(whole)  # complete or absent
        run(inbox, out)
        assert made(out) == made(whole)
        assert sorted(path.name for path in out.parent.iterdir()) == sorted({name, rejects_path(out).name})


def test_killed_between_any_two_changes_of_the_disk(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole" / "out.jsonl"
    real, changes = os.replace, []
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda source, target: (changes.append(target), real(source, target)))
        run(inbox, whole)
    for moment in sorted({1, len(changes), *random.Random(0).sample(range(2, len(changes)), 8)}):
        out = tmp_path / f"killed-{moment}" / "out.jsonl"

        def dying(at: Path = out, left: int = moment) -> None:
            def replace(source: str, target: Path) -> None:
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(source, target)

            os.replace = replace  # type: ignore[assignment]
            run(inbox, at)

        assert stopped(dying) == -signal.SIGKILL
        assert not out.exists()
        tally = run(inbox, out)
        assert tally.read == tally.scored + tally.rejected == FILES * ROWS
        assert tally.resumed or moment <= 4  # three files a part; the first is made of the very first window
        assert made(out) == made(whole)


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_disk_that_is_full(name: str, inbox: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole" / name
    run(inbox, whole)
    for room in (0, 3_000, 20_000):
        out = tmp_path / f"full-{room}" / name

        def starved(at: Path = out, most: int = room) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            try:
                run(inbox, at)
            except UserError as error:
                os._exit(7 if "cannot be written" in str(error) and "goes on where it was" in str(error) else 8)

        assert stopped(starved) == 7
        assert not out.exists()
        run(inbox, out)
        assert made(out) == made(whole)


def test_a_disk_that_fills_while_the_parts_are_joined(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(inbox, tmp_path / "whole" / "out.jsonl")
    out = tmp_path / "out.jsonl"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(parts, "join", full)
        for restart, said in ((True, "the same command without --restart goes"), (False, "the same command goes")):
            with pytest.raises(UserError, match=f"No space left on device.*make room, and {said} on where it was"):
                run(inbox, out, restart=restart)
    tally = run(inbox, out)
    assert tally.resumed == tally.sentences
    assert made(out) == made(tmp_path / "whole" / "out.jsonl")


def test_an_input_that_is_removed_and_put_back(inbox: Path, tmp_path: Path) -> None:
    whole, away = tmp_path / "whole" / "out.jsonl", tmp_path / "away"
    run(inbox, whole)
    for file in range(FILES):
        left, out = file + 1, tmp_path / f"removed-{file}" / "out.jsonl"

        def disturbed(*given: object, own: int = file) -> None:
            nonlocal left
            left -= 1
            if not left:
                (inbox / f"{own}.jsonl").rename(away)
                (inbox / f"{FILES - 1}.jsonl").unlink(missing_ok=True) if own < FILES - 1 else None

        last = (inbox / f"{FILES - 1}.jsonl").read_bytes()
        with pytest.raises(UserError, match=r"is gone.*--restart"):
            score([inbox], out, ByWord(), Options(), disturbed)
        assert not out.exists()
        shutil.copyfile(away, inbox / f"{file}.jsonl")  # as another file: only the bytes are the same
        (inbox / f"{FILES - 1}.jsonl").write_bytes(last)
        run(inbox, out)
        assert made(out) == made(whole)


def interrupted(inbox: Path, out: Path, classifier: Classifier | None = None) -> None:
    """A run that is stopped after its third part."""
    left = 4

    def stop(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score([inbox], out, classifier or ByWord(), progress=stop)


@pytest.mark.parametrize("change", ["content", "new file", "model", "option"])
def test_what_changed_is_noticed_and_asks_for_restart(change: str, inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    interrupted(inbox, out)
    classifier, options = ByWord(), {}
    if change == "content":
        text = (inbox / "0.jsonl").read_text()
        (inbox / "0.jsonl").write_text(text.replace("match", "watch", 1))
    elif change == "new file":
        (inbox / "9.txt").write_text("A match.")
    elif change == "model":
        classifier = ByWord(sha256="another")
    else:
        options = {"max_bytes": 1_000_000}
    with pytest.raises(UserError, match=r"changed.*--restart"):
        score([inbox], out, classifier, Options(**options))  # type: ignore[arg-type]
    again = score([inbox], out, classifier, Options(**options, restart=True))  # type: ignore[arg-type]
    assert again.resumed == 0
    score([inbox], tmp_path / "whole" / "out.jsonl", classifier, Options(**options))  # type: ignore[arg-type]
    assert made(out) == made(tmp_path / "whole" / "out.jsonl")


@pytest.mark.parametrize("change", [{"batch_tokens": 9}, {"name": "by-word-fp32"}])
def test_another_form_of_a_combined_model_is_noticed(change: dict[str, object], inbox: Path, tmp_path: Path) -> None:
    def ensemble(**change: object) -> Combined:
        careful = ByWord()
        vars(careful).update({"batch_tokens": 8} | change)
        return Combined((ByWord(), careful), Mix(0.5, 0.5), DECISION, "0123")

    out = tmp_path / "out.jsonl"
    interrupted(inbox, out, ensemble())
    with pytest.raises(UserError, match=r"changed.*--restart"):
        score([inbox], out, ensemble(**change))
    assert score([inbox], out, ensemble()).resumed


def test_a_part_is_on_the_disk_before_it_takes_its_name(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[tuple[int, int]] = set()  # inode, size
    left: list[Path] = []
    real = os.replace

    def fsync(handle: int) -> None:
        about = os.fstat(handle)
        synced.add((about.st_ino, about.st_size))

    def replace(source: Path, target: Path) -> None:
        about = os.stat(source)
        if (about.st_ino, about.st_size) not in synced:
            left.append(target)
        real(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    run(inbox, tmp_path / "out.jsonl")
    assert synced
    assert not left


def test_ids_last_as_long_as_the_parts_that_gave_them(tmp_path: Path) -> None:
    sources = Sources([], 1000, tmp_path)
    assert sources._store.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    sources.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_file_whose_name_is_no_text_is_scored_and_known_again(inbox: Path, tmp_path: Path) -> None:
    (inbox / os.fsdecode(b"caf\xe9.txt")).write_text("A match.")
    out = tmp_path / "out.jsonl"
    interrupted(inbox, out)
    run(inbox, out)
    run(inbox, tmp_path / "whole" / "out.jsonl")
    assert made(out) == made(tmp_path / "whole" / "out.jsonl")


def test_an_output_folder_may_be_a_disk_of_its_own(inbox: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as disk:
        out = tmp_path / "out"
        out.symlink_to(disk)
        run(inbox, out)
        run(inbox, tmp_path / "whole" / "out")
        assert made(out) == made(tmp_path / "whole" / "out")


def test_a_damaged_part_is_noticed(inbox: Path, tmp_path: Path) -> None:
    interrupted(inbox, tmp_path / "out.jsonl")
    part = tmp_path / "out.jsonl.partial" / "part-00001.jsonl"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"damaged.*--restart"):
        run(inbox, tmp_path / "out.jsonl")


def test_an_id_seen_before_the_stop_is_known_after_it(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    interrupted(inbox, out)
    run(inbox, out)
    reasons = [json.loads(line)["reason"] for line in rejects_path(out).read_text().splitlines()]
    assert sum("seen before with another text" in reason for reason in reasons) > 50


def test_two_runs_never_write_one_output(inbox: Path, tmp_path: Path) -> None:
    out, context = tmp_path / "out.jsonl", multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()

    def slow() -> None:
        score([inbox], out, ByWord(), Options(), lambda count, *_: (ready.set(), go.wait(60)) if count.read else None)

    process = context.Process(target=slow)
    process.start()
    try:
        assert ready.wait(60)
        for restart in (False, True):
            with pytest.raises(UserError, match="another run is writing"):
                run(inbox, out, restart=restart)
    finally:
        go.set()
        process.join()
    assert process.exitcode == 0
    run(inbox, tmp_path / "whole" / "out.jsonl")
    assert made(out) == made(tmp_path / "whole" / "out.jsonl")


def test_a_lock_on_what_was_taken_away_is_none(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    with place.open("w") as lock:
        assert parts._lock(lock, place)
        place.unlink()
        assert not parts._lock(lock, place)
        place.touch()
        assert not parts._lock(lock, place)


def test_a_killed_worker_is_told_and_the_run_is_taken_up(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    class Telling(ByWord):
        def predict_proba(self, sentences):  # type: ignore[no-untyped-def]
            if "2 of 2" in "".join(s.text for s in sentences):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().predict_proba(sentences)

    with pytest.raises(UserError, match="a worker was killed"):
        score([inbox], out, Telling(), Options(workers=2))
    tally = run(inbox, out)
    assert tally.resumed > 0
    run(inbox, tmp_path / "whole" / "out.jsonl")
    assert made(out) == made(tmp_path / "whole" / "out.jsonl")
