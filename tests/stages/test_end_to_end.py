"""The whole pipeline in miniature, run by `dvc repro` on another subject with no code changed."""

import json
import shutil
import sqlite3
from pathlib import Path

import yaml

from tests.miniature import PLACES, Run

# What DVC does not ask for one by one, since a folder is one output.
LABELS = {"train.jsonl", "validation.jsonl", "test.jsonl", "unlabelled.jsonl", "learned_cues.jsonl"}
LABELS |= {"functions.csv", "functions.png"}
EVALUATION = {"predictions.jsonl", "card.md", "errors.md", "errors.csv", "by_class.csv", "coverage.csv", "slices.csv"}
EVALUATION |= {"precision_recall.csv", "reliability.csv", "stance_by_topic.csv", "stance_confusion.csv"}
EVALUATION |= {"topic_confusion.csv"}


def test_everything_promised_is_made(project: Path) -> None:
    for model in ("baseline", "finetuned", "finetuned-int8", "ensemble", "cascade"):
        assert (project / "models" / model / "model" / "manifest.json").is_file()
        figures = json.loads((project / "models" / model / "metrics.json").read_text())["test"]
        assert set(figures["topics"]["classes"]) == {"sport", "music"}
        decision = json.loads((project / "models" / model / "model" / "decision.json").read_text())
        assert len(decision["calibration"]["topic_slopes"]) == 2
        assert decision["abstain_below"] > 0
        assert {path.name for path in (project / "models" / model / "evaluation").iterdir()} == EVALUATION
        slices = (project / "models" / model / "evaluation" / "slices.csv").read_text()
        for group in ("genre,poem", "pair,unseen in train", "length,11 to 25 words", "topic_count,several topics"):
            assert group in slices
    assert {path.name for path in (project / "data" / "labels").iterdir()} == LABELS
    for model in ("baseline", "finetuned"):
        reached = json.loads((project / "models" / model / "validation.json").read_text())
        assert all(0 < reached[f"validation.{task}.macro_f1"] <= 1 for task in ("topics", "stance"))
    baseline = json.loads((project / "models" / "baseline" / "metrics.json").read_text())["test"]
    assert baseline["topics"]["macro_f1"] > 0.95
    comparison = json.loads((project / "models" / "comparison.json").read_text())
    assert all(name.split(" against ")[0] in told["verdict"] for name, told in comparison.items())
    champion = json.loads((project / "models" / "champion.json").read_text())
    manifest = json.loads((project / "models" / champion["model"] / "model" / "manifest.json").read_text())
    assert champion["sha256"] == manifest["sha256"]


def test_every_plot_has_its_file(project: Path) -> None:
    for entry in yaml.safe_load((project / "dvc.yaml").read_text())["plots"]:
        ((name, options),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        for source in options["y"] if isinstance(options.get("y"), dict) else [name]:
            assert (project / source).is_file()


def test_a_second_repro_finds_nothing_to_do(project: Path, run: Run) -> None:
    told = run(project, "dvc", "repro").stdout
    assert "Data and pipelines are up to date." in told
    assert run(project, "git", "status", "--porcelain").stdout == ""


def test_training_again_gives_the_same_bytes(project: Path, tmp_path: Path, run: Run) -> None:
    own = shutil.copytree(project, tmp_path / "own", symlinks=True)
    for stage in ("train_baseline", "train_finetuned", "export"):
        run(own, "dvc", "repro", "--force", "--single-item", stage)
    assert run(own, "git", "status", "--porcelain").stdout == ""


def test_held_out_articles_are_in_test(project: Path) -> None:
    lines = (project / "data" / "interim" / "splits.jsonl").read_text().splitlines()
    splits = {row["article_id"]: row["split"] for row in map(json.loads, lines)}
    assert len(splits) == len(PLACES)
    assert splits["a3"] == splits["a5"] == "test"
    assert set(splits.values()) == {"train", "validation", "test"}


def test_a_changed_cue_reruns_label_and_nothing_before(project: Path, run: Run) -> None:
    cue = project / "seeds" / "cues" / "sport.yaml"
    before = cue.read_text()
    try:
        cue.write_text("phrases: [match, goal]\n")
        assert list(json.loads(run(project, "dvc", "status", "--json").stdout)) == ["label"]
    finally:
        cue.write_text(before)


def test_a_changed_training_param_reruns_training_alone(project: Path, run: Run) -> None:
    params = project / "params.yaml"
    before = params.read_text()
    try:
        params.write_text(before.replace("patience: 2", "patience: 3"))
        assert list(json.loads(run(project, "dvc", "status", "--json").stdout)) == ["train_finetuned"]
        assert "train_finetuned.patience" in run(project, "dvc", "params", "diff").stdout
    finally:
        params.write_text(before)


def test_metrics_plots_and_dag_show_something(project: Path, run: Run) -> None:
    metrics = run(project, "dvc", "metrics", "show", "--md").stdout
    assert "test.topics.macro_f1" in metrics
    told = run(project, "dvc", "plots", "show").stdout
    page = Path(told.strip().removeprefix("file://")).read_text()
    for title in (
        "Fine-tuning: loss by epoch",
        "Stance, baseline",
        "Scores as probabilities, finetuned",
        "Error by share of sentences, baseline",
    ):
        assert title in page
    assert "train_finetuned" in run(project, "dvc", "dag").stdout


def test_every_training_and_evaluation_is_a_run_found_by_its_models_hash(project: Path) -> None:
    with sqlite3.connect(project / "mlflow.db") as store:
        tags = store.execute("select run_uuid, key, value from tags").fetchall()
    runs: dict[str, dict[str, str]] = {}
    for run_id, key, value in tags:
        runs.setdefault(run_id, {})[key] = value
    for model in ("baseline", "finetuned", "finetuned-int8", "ensemble", "cascade"):
        sha256 = json.loads((project / "models" / model / "model" / "manifest.json").read_text())["sha256"]
        kinds = {run["kind"] for run in runs.values() if run.get("model.sha256") == sha256}
        assert "evaluation" in kinds
        assert ("training" in kinds) == (model in ("baseline", "finetuned"))


def test_the_champion_scores_articles(project: Path, run: Run) -> None:
    (project / "new").mkdir(exist_ok=True)
    (project / "new" / "x.txt").write_text("The match and the goal in town was praised with joy.")
    told = run(project, "python", "-m", "pipeline.cli", "score", "new", "-o", "new.jsonl", "--model", "baseline").stdout
    assert "read 1 articles = 1 scored + 0 rejected; 1 sentences" in told
    row = json.loads((project / "new.jsonl").read_text())
    assert row["topics"] == ["sport"]
    assert row["stance"] == "good"
    (project / "new.jsonl").unlink()
    (project / "new" / "x.txt").unlink()


def test_results_are_one_table_with_the_next_commands(project: Path, run: Run) -> None:
    told = run(project, "python", "-m", "pipeline.cli", "results").stdout
    for part in ("baseline", "finetuned", "topics F1", "stance F1", "detente score", "dvc exp run -S", "detente ui"):
        assert part in told
