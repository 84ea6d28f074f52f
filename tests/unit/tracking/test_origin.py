"""A run names its commit, and whether its sources were changed since."""

import subprocess
from pathlib import Path

from pipeline.tracking.origin import origin


def git(*words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    return subprocess.run(["git", *identity, *words], capture_output=True, text=True, check=True).stdout.strip()


def test_commit_and_changed_sources(tmp_path: Path) -> None:
    assert origin("label")["git.commit"] == "none"
    Path("dvc.lock").write_text("stages: {label: {outs: [{path: labels.csv}]}}\n")
    Path("source.py").write_text("1\n")
    Path(".gitignore").write_text("mlflow.*\n")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "First")
    Path("labels.csv").write_text("made\n")
    tags = origin("label")
    assert (tags["git.commit"], tags["git.dirty"], tags["git.changed"]) == (git("rev-parse", "HEAD"), "false", "")
    Path("source.py").write_text("2\n")
    tags = origin("label")
    assert (tags["git.commit"], tags["git.dirty"], tags["git.changed"]) == (
        git("rev-parse", "HEAD"),
        "true",
        "source.py",
    )
