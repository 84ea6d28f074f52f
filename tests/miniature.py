"""A whole project in miniature, on another subject than the real one: two topics, 12 articles, a tiny encoder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.schemas import Article
from pipeline.text.segmentation import segment

ROOT = Path(__file__).parents[1]
TOPICS = {
    "sport": "The team played a match and the goal",
    "music": "The singer gave a concert and the song",
    "sport music": "The match ended with a concert where the team sang a song",
    "": "The committee met in a hall on Monday",
}
STANCES = {"good": "was praised with joy.", "plain": "was on the list.", "bad": "was booed with anger."}
PLACES = ["town", "home", "spring", "autumn", "winter", "summer", "north", "south", "east", "west", "sun", "rain"]
SMALL = {
    "split": {
        "near_duplicate": 0.99,
        "validation": 0.3,
        "test": 0.3,
        "held_out_genres": ["poem"],
        "held_out_pairs": ["C-D"],
    },
    "validate": {
        "min_articles": 12,
        "min_sentences": 100,
        "min_topic_support": 10,
        "min_stance_support": 10,
        "min_multi_topic": 5,
        "min_stance_in_topic": 5,
        "min_double_annotated": 0,
        "max_test_share": 0.9,
    },
    "train_baseline": {"min_df": 1},
    "train_finetuned": {
        "context": "previous",
        "max_length": 64,
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "head_learning_rate": 2e-2,
        "encoder_dropout": 0.0,
    },
    "evaluate": {"bootstrap": 100},
    "compare": {"bootstrap": 100},
}


def write_articles(project: Path) -> None:
    annotations = []
    for i, place in enumerate(PLACES):
        lines, labels = [], []
        for topics, start in TOPICS.items():
            for stance, end in STANCES.items():
                lines.append(f"{start} in {place} {end}")
                labels.append({"topics": topics.split(), "stance": stance})
        text = "\n\n".join(lines)
        kind = {"genre": "poem" if i == 3 else "report", "pair": "C-D" if i == 5 else "A-B"}
        front = yaml.safe_dump({"id": f"a{i}", "title": place, "date": f"2020-01-{i + 1:02d}", **kind})
        (project / "data" / "raw" / "articles" / f"a{i}.md").write_text(f"---\n{front}---\n{text}\n")
        sentences = segment(Article(f"a{i}", text))
        for sentence, label in zip(sentences, labels, strict=True):
            annotations.append({"sentence_id": sentence.id, "text": sentence.text, **label})
    lines = [json.dumps(row) for row in annotations]
    (project / "seeds" / "annotations" / "first.jsonl").write_text("\n".join(lines) + "\n")


def write_seeds(project: Path) -> None:
    entry = lambda name: {"id": name, "label": name.title(), "definition": name}  # noqa: E731
    taxonomy = {
        "target": "the event",
        "default_stance": "plain",
        "topics": [entry("sport"), entry("music")],
        "stances": [entry(name) for name in STANCES],
    }
    (project / "seeds" / "taxonomy.yaml").write_text(yaml.safe_dump(taxonomy))
    (project / "seeds" / "corpus.md").write_text("Twelve articles made by a loop.\n")
    cues = {"sport": ["match"], "music": ["concert"], "good": ["praised"], "bad": ["booed"]}
    for name, phrases in cues.items():
        (project / "seeds" / "cues" / f"{name}.yaml").write_text(yaml.safe_dump({"phrases": phrases}))


def write_params(project: Path, encoder: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, changes in SMALL.items():
        params[section] |= changes  # type: ignore[operator]
    params["train_finetuned"]["encoder"] = str(encoder)
    (project / "params.yaml").write_text(yaml.safe_dump(params))


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a command of the environment in a folder and returns what it printed."""

    def run_(folder: Path, *words: str, check: bool = True, **extra: Any) -> subprocess.CompletedProcess[str]:
        binaries = str(Path(sys.executable).parent)
        environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        environment |= extra
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return run_


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, small_encoder: Path, run: Run) -> Path:
    """The miniature after its first `dvc repro`, committed to git."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("data/raw/articles", "seeds/cues", "seeds/annotations"):
        (folder / part).mkdir(parents=True)
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dvc.yaml", ".gitignore"):
        shutil.copy(ROOT / file, folder / file)
    write_articles(folder)
    write_seeds(folder)
    write_params(folder, small_encoder)
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    run(folder, "dvc", "config", "core.analytics", "false")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    run(folder, "dvc", "repro")
    run(folder, "git", "add", "--all")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    run(folder, "git", *identity, "commit", "--quiet", "--message", "First run")
    return folder
