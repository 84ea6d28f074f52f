"""What a user's own unlabelled articles bring: `python benchmarks/adaptation.py ARCHIVE ANNOTATED`.

ARCHIVE is a folder or file of articles, ANNOTATED a file of sentences with topics and stance, as real.py reads.
The project is copied to a scratch folder, the archive is put under its raw articles, and the fine-tuned model is
trained there by `dvc repro` once a setting; nothing of it comes back but the table. Nothing is trained or tuned on
ANNOTATED. `--limit N` takes N articles of the corpus and of an archive in .jsonl, and one epoch: to see that it runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from real import RESAMPLING, cell
from tabulate import tabulate

from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import evaluate
from pipeline.evaluation.real import read_annotated
from pipeline.schemas import Article, LabelledSentence
from pipeline.taxonomy import load_taxonomy
from pipeline.text.readers import read_articles

Params = dict[str, dict[str, Any]]
CUES: Params = {"label": {"supervision": "both"}}
SELF: Params = {"train_finetuned": {"self_training_rounds": 2}}
MASKED: Params = {"train_finetuned": {"masked_epochs": 1}}
SETTINGS: dict[str, Params] = {
    "as is": {},
    "cues": CUES,
    "self-training": SELF,
    "masked words": MASKED,
    "all": CUES | {"train_finetuned": SELF["train_finetuned"] | MASKED["train_finetuned"]},
}
ROOT = Path(__file__).parents[1]
# What a part of the corpus cannot reach or lacks.
SMALL: Params = {
    "split": {"held_out_genres": [], "held_out_pairs": [], "validation": 0.3},
    "validate": {
        "min_articles": 1,
        "min_sentences": 1,
        "min_topic_support": 1,
        "min_stance_support": 1,
        "min_multi_topic": 0,
        "min_stance_in_topic": 0,
        "min_double_annotated": 0,
        "min_test_share": 0.0,
        "max_test_share": 1.0,
    },
    "train_finetuned": {"epochs": 1},
}


def environment(**other: str) -> dict[str, str]:
    """What the project's commands run in: `python` is the one that runs this."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", **other}


def copy_project(scratch: Path, archive: Path, limit: int) -> None:
    """The project without what it made, with the archive among its raw articles."""
    words = [sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"]
    subprocess.run(words, cwd=scratch, env=environment(), check=True)
    for part in ("pipeline", "seeds", "data/raw", ".dvc/plots"):
        shutil.copytree(ROOT / part, scratch / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / file, scratch / file)
    raw = scratch / "data" / "raw" / "articles"
    if limit:
        keep_some(raw, scratch / "seeds" / "annotations", limit)
    if archive.is_dir():
        shutil.copytree(archive, raw / "archive")
    elif limit and archive.suffix == ".jsonl":
        with archive.open("rb") as lines:
            (raw / archive.name).write_bytes(b"".join(islice(lines, limit)))
    else:
        shutil.copy(archive, raw)


def without(archive: Path, rows: list[LabelledSentence]) -> list[LabelledSentence]:
    """The annotated sentences whose words stand in no article of the archive: of the others a model would know."""
    text = " ".join(" ".join(one.text.split()) for one in read_articles([archive]) if isinstance(one, Article))
    kept = [row for row in rows if " ".join(row.text.split()) not in text]
    print(f"{len(rows) - len(kept)} of {len(rows)} annotated sentences stand in the archive and are left out")
    return kept


def keep_some(raw: Path, annotations: Path, limit: int) -> None:
    """Leave the first articles of the corpus, and their annotations."""
    files = sorted(path for path in raw.iterdir() if path.is_file())
    for path in files[limit:]:
        path.unlink()
    kept = {path.stem for path in files[:limit]}
    for file in annotations.glob("*.jsonl"):
        lines = file.read_bytes().splitlines(keepends=True)
        own = [line for line in lines if json.loads(line)["sentence_id"].rsplit(":", 1)[0] in kept]
        file.write_bytes(b"".join(own))


def with_changes(params: Params, *changes: Mapping[str, Mapping[str, Any]]) -> Params:
    """`params` with some values of some sections replaced."""
    for change in changes:
        params = {**params, **{name: {**params[name], **values} for name, values in change.items()}}
    return params


def train(scratch: Path) -> Path:
    """Rerun what the params in place ask for; returns the fine-tuned model's folder."""
    own = environment(PYTHONPATH=str(scratch))
    own.pop("MLFLOW_TRACKING_URI", None)
    words = [sys.executable, "-m", "dvc", "repro", "train_finetuned"]
    subprocess.run(words, cwd=scratch, env=own, check=True)
    return scratch / "models" / "finetuned" / "model"


def main(
    archive: Annotated[Path, typer.Argument(help="Folder or file of unlabelled articles")],
    annotated: Annotated[Path, typer.Argument(help="Annotated sentences to measure on, JSON Lines")],
    setting: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times")] = None,
    limit: Annotated[int, typer.Option(help="Take so many articles and one epoch; 0 takes all")] = 0,
) -> None:
    if unknown := set(setting or ()) - SETTINGS.keys():
        raise UserError.one(f"no setting {', '.join(sorted(unknown))}", "--setting", f"choose of {', '.join(SETTINGS)}")
    classes = load_taxonomy(ROOT / "seeds" / "taxonomy.yaml")
    measured = without(archive, read_annotated(annotated, classes))
    table = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        copy_project(scratch, archive, limit)
        original = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        for name in setting or SETTINGS:
            chosen = with_changes(original, SETTINGS[name], SMALL if limit else {})
            (scratch / "params.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
            figures = evaluate(judge(load_classifier(train(scratch)), measured), classes, RESAMPLING)
            cells = {f"{task} macro-F1": cell(figures[task], "macro_f1") for task in ("topics", "stance")}
            table.append({"setting": name, **cells})
            print(tabulate(table, headers="keys"), flush=True)
    print(f"\n{len(measured)} sentences of {annotated.name}, 95% bootstrap intervals")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))
