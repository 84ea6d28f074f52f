"""Bad input to commands and stages: exit code 2, one line for each mistake, no traceback, good rows kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.miniature import Run


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """A copy of the finished miniature that may be broken."""
    folder = tmp_path / "project"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".git", ".dvc", "mlartifacts"))
    return folder


def told(done: subprocess.CompletedProcess[str], lines: int = 1) -> str:
    """What a refused command says, checked for its form."""
    assert done.returncode == 2, done.stdout + done.stderr
    found = [line for line in done.stderr.splitlines() if line.startswith("detente: ")]
    assert len(found) == lines, done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.count(": ") >= 2 and "; " in line for line in found), found
    return "\n".join(found)


def stage(run: Run, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's command as dvc.yaml has it."""
    from tests.stages.test_dvc_yaml import filled, story

    return run(folder, *filled(story()["stages"][name]["cmd"]).split(), check=False)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def score(run: Run, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "python", "-m", "pipeline.cli", "score", *words, "--model", "baseline", check=False)


def test_scoring_a_file_that_is_not_there(copy: Path, run: Run) -> None:
    assert "nowhere.txt" in told(score(run, copy, "nowhere.txt", "-o", "out.jsonl"))
    assert not (copy / "out.jsonl").exists()


def test_scoring_bad_rows_beside_good_ones(copy: Path, run: Run) -> None:
    inbox = copy / "inbox"
    inbox.mkdir()
    (inbox / "empty.txt").touch()
    (inbox / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (inbox / "rows.jsonl").write_text('{"text": "A match."}\n{"text": \n{"title": "no text"}\n')
    (inbox / "columns.csv").write_text("headline,body\nx,y\n")
    done = score(run, copy, "inbox", "-o", "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert "read 6 articles = 1 scored + 5 rejected" in done.stdout
    assert json.loads((copy / "out.jsonl").read_text())["text"] == "A match."
    rejects = [json.loads(line) for line in (copy / "out.jsonl.rejects.jsonl").read_text().splitlines()]
    assert {(Path(r["file"]).name, r["row"]) for r in rejects} == {
        ("empty.txt", 0),
        ("binary.txt", 0),
        ("rows.jsonl", 2),
        ("rows.jsonl", 3),
        ("columns.csv", 0),
    }


def test_scoring_with_a_model_of_which_a_byte_changed(copy: Path, run: Run) -> None:
    weights = copy / "models" / "baseline" / "model" / "baseline.skops"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(data)
    (copy / "a.txt").write_text("A match.")
    assert "baseline.skops: bytes differ" in told(score(run, copy, "a.txt", "-o", "out.jsonl"))


def test_unknown_keys_and_bad_values_in_params(copy: Path, run: Run) -> None:
    edit(copy / "params.yaml", "max_bytes: 5000000", "max_bytes: many\n  max_byte: 1")
    said = told(stage(run, copy, "ingest"), lines=2)
    assert "ingest.max_bytes: bad value 'many'" in said
    assert "ingest.max_byte: unknown key" in said


def test_a_corpus_without_a_readable_article(copy: Path, run: Run) -> None:
    shutil.rmtree(copy / "data" / "raw" / "articles")
    (copy / "data" / "raw" / "articles").mkdir()
    assert "no readable article" in told(stage(run, copy, "ingest"))


def test_bad_articles_beside_good_ones_in_the_corpus(copy: Path, run: Run) -> None:
    (copy / "data" / "raw" / "articles" / "bad.txt").write_bytes(b"\x00\x01")
    done = stage(run, copy, "ingest")
    assert done.returncode == 0, done.stderr
    assert "read 13 = 12 articles + 1 rejected" in done.stdout
    assert "bad.txt" in (copy / "data" / "interim" / "rejects.jsonl").read_text()


def test_a_held_out_genre_of_no_article(copy: Path, run: Run) -> None:
    edit(copy / "params.yaml", "- poem", "- ballad")
    assert "split.held_out_genres: no article has genre 'ballad'" in told(stage(run, copy, "split"))


def test_an_annotation_of_a_sentence_that_is_gone_and_an_unknown_topic(copy: Path, run: Run) -> None:
    annotations = copy / "seeds" / "annotations" / "first.jsonl"
    edit(annotations, '"sentence_id": "a0:', '"sentence_id": "gone:')
    assert "is gone" in told(stage(run, copy, "validate"))
    edit(annotations, '"topics": ["sport"]', '"topics": ["chess"]')
    assert "first.jsonl:1: unknown topic 'chess'" in told(stage(run, copy, "validate"))


def test_too_little_support_is_told_for_every_class(copy: Path, run: Run) -> None:
    edit(copy / "params.yaml", "min_topic_support: 10", "min_topic_support: 1000")
    assert "of topic music" in told(stage(run, copy, "validate"), lines=2)


def test_a_topic_without_cues(copy: Path, run: Run) -> None:
    (copy / "seeds" / "cues" / "music.yaml").unlink()
    assert "class 'music' has no cues" in told(stage(run, copy, "label"))


def test_an_encoder_that_cannot_be_had_ends_before_any_work(copy: Path, run: Run) -> None:
    text = (copy / "params.yaml").read_text()
    before, after = text.split("train_finetuned:")
    line = next(line for line in after.splitlines() if line.strip().startswith("encoder:"))
    (copy / "params.yaml").write_text(f"{before}train_finetuned:{after.replace(line, '  encoder: nobody/nothing')}")
    store = (copy / "mlflow.db").read_bytes()
    assert "needs train_finetuned.revision" in told(stage(run, copy, "train_finetuned"))
    assert (copy / "mlflow.db").read_bytes() == store  # not even a run was begun


def test_a_missing_input_of_each_stage(copy: Path, run: Run) -> None:
    for path in ("data/interim/articles.jsonl", "data/labels/train.jsonl"):
        (copy / path).unlink()
    for name in ("split", "validate", "train_baseline", "train_finetuned"):
        assert "no such file" in told(stage(run, copy, name))
    shutil.rmtree(copy / "models" / "finetuned" / "model")
    assert "no such file" in told(stage(run, copy, "export"))


def test_commands_before_the_first_repro(tmp_path: Path, run: Run) -> None:
    for words, said in ((("results",), "no figures yet"), (("score", ".", "-o", "x.jsonl"), "no champion yet")):
        environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
        assert said in told(run(tmp_path, "python", "-m", "pipeline.cli", *words, check=False, **environment))
