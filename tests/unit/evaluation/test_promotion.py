"""The alias `champion` moves for a better model on the same test data, for nothing else, and says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from pipeline.classifiers import baseline
from pipeline.classifiers.registry import load_classifier
from pipeline.errors import UserError
from pipeline.evaluation import promotion
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Judged, Resampling
from pipeline.evaluation.promotion import Force, Rules, candidate, promote, promote_if_possible, sha256_of_test
from pipeline.evaluation.rejudging import rejudge
from pipeline.params import Params
from pipeline.schemas import LabelledSentence
from pipeline.storage import seal, write_json, write_jsonl, write_text
from pipeline.taxonomy import Taxonomy
from pipeline.tracking import registry
from pipeline.tracking.place import artifacts, tracking_uri
from pipeline.tracking.registry import Candidate
from pipeline.tracking.store import client

Make = Callable[..., Candidate]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without experiments of ours: making one takes longer than a test."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledSentence], params: Params, two_topics: Taxonomy
) -> tuple[Path, list[Judged]]:
    """A model that makes no mistake on `labelled`, and what it says of it."""
    folder = tmp_path_factory.mktemp("trained")
    small = params.train_baseline.model_copy(update={"min_df": 1})
    baseline.save(baseline.train(labelled, labelled, small, two_topics), folder)
    return folder, judge(load_classifier(folder), labelled)


@pytest.fixture
def make(tmp_path: Path, trained: tuple[Path, list[Judged]]) -> Make:
    """Makes a candidate: the trained model under another hash, with the first `wrong` stances of each article wrong."""

    def make_(name: str, wrong: int = 0, test: int | None = None) -> Candidate:
        folder = tmp_path / "models" / name / "model"
        folder.mkdir(parents=True)
        for file in trained[0].iterdir():
            if file.name != "manifest.json":
                (folder / file.name).write_bytes(file.read_bytes())
        decision = load_classifier(trained[0]).decision
        seed = sum(map(ord, name)) / 1e7  # thresholds that differ a little, and so do the hashes
        limits = {topic: limit + seed for topic, limit in decision.thresholds.items()}
        write_json(folder / "decision.json", replace(decision, thresholds=limits).as_json())
        sha256 = seal(folder, "baseline")
        said = trained[1][:test]
        seen: dict[str, int] = {}
        rows = []
        for row in said:
            seen[row.article_id] = seen.get(row.article_id, 0) + 1
            other = "good" if row.stance != "good" else "bad"
            rows.append(replace(row, predicted_stance=other) if seen[row.article_id] <= wrong else row)
        write_jsonl(folder.parent / "evaluation" / "predictions.jsonl", rows)
        write_text(folder.parent / "evaluation" / "card.md", f"# Card of {name}: {sha256[:12]}\n")
        return candidate(folder)

    return make_


@pytest.fixture
def rules(two_topics: Taxonomy) -> Rules:
    return Rules(two_topics, Resampling(200, 0.95, 0))


def tags(number: str) -> dict[str, str]:
    return dict(client().get_model_version(registry.NAME, number).tags)


def versions() -> list[str]:
    return [str(found.version) for found in client().search_model_versions(f"name = '{registry.NAME}'")]


def test_the_first_model_is_champion_and_a_better_one_replaces_it(make: Make, rules: Rules) -> None:
    weak, strong = make("weak", wrong=4), make("strong")
    assert promote(weak, rules).how == "first"
    verdict = promote(strong, rules)
    assert (verdict.how, verdict.version.number) == ("better", "2")
    assert "better than version 1 (baseline): +" in str(verdict)
    champion = registry.champion()
    assert champion is not None and champion.sha256 == strong.manifest["sha256"]
    assert tags("2")["champion.over"] == "1" and tags("2")["test.sha256"] == strong.test_sha256
    assert client().get_model_version(registry.NAME, "2").description == strong.card.read_text()


def test_figures_of_another_model_earn_nothing(make: Make) -> None:
    folder = make("strong").model
    (folder / "decision.json").write_text((folder / "decision.json").read_text() + "\n")
    seal(folder, "baseline")  # as after a training that nothing has evaluated
    with pytest.raises(UserError, match="not an evaluation of this model"):
        candidate(folder)
    (folder.parent / "evaluation" / "card.md").unlink()
    with pytest.raises(UserError, match="not an evaluation of this model"):
        candidate(folder)


def test_the_order_of_topics_makes_no_other_test_data(trained: tuple[Path, list[Judged]], two_topics: Taxonomy) -> None:
    classifier = load_classifier(trained[0])
    turned = replace(classifier.decision, topics=classifier.decision.topics[::-1])
    rows = [
        LabelledSentence(r.sentence_id, r.article_id, r.text, "", "", {"sport": 1.0, "music": 1.0}, {r.stance: 1.0})
        for r in trained[1]
    ]
    before = judge(classifier, rows)
    classifier.decision = turned
    assert [row.topics for row in judge(classifier, rows)] == [row.topics for row in before]


def test_one_that_is_not_better_is_refused_and_bears_the_reason(make: Make, rules: Rules) -> None:
    promote(make("strong"), rules)
    verdict = promote(make("weak", wrong=4), rules)
    assert verdict.how == "refused" and not verdict.promoted
    champion = registry.champion()
    assert champion is not None and champion.number == "1"
    assert tags("2")["champion.decision"] == "refused"
    assert tags("2")["champion.reason"].startswith("not better than version 1 (baseline) beyond doubt: -")


def test_equal_bytes_are_one_version_however_often_they_come(make: Make, rules: Rules) -> None:
    strong = make("strong")
    assert promote(strong, rules).how == "first"
    assert promote(strong, rules).how == "already"
    assert tags("1")["champion.decision"] == "first"
    weak = make("weak", wrong=4)
    assert promote(weak, rules).how == promote(weak, rules).how == "refused"
    assert sorted(versions()) == ["1", "2"]


def test_force_needs_a_reason_that_stays_with_its_author(make: Make, rules: Rules) -> None:
    promote(make("strong"), rules)
    with pytest.raises(UserError, match="--reason"):
        Force.by_user("  ")
    verdict = promote(make("weak", wrong=4), rules, Force("Ada ada@example.org", "we need its speed"))
    champion = registry.champion()
    assert verdict.how == "forced" and champion is not None and champion.number == "2"
    assert tags("2")["champion.reason"] == "we need its speed"
    assert tags("2")["champion.author"] == "Ada ada@example.org"
    assert Force.by_user("because").author


def test_on_other_test_data_the_incumbent_is_judged_anew_or_the_challenger_refused(
    make: Make, rules: Rules, tmp_path: Path, labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    promote(make("strong", test=12), rules)  # its predictions are of a smaller test set
    challenger = make("weak", wrong=4)
    verdict = promote(challenger, rules)
    assert verdict.how == "refused"
    assert "judged on other test data; `detente promote` judges it anew" in tags("2")["champion.reason"]
    write_jsonl(tmp_path / "test.jsonl", labelled)
    able = replace(rules, rejudge=lambda folder: rejudge(folder, tmp_path / "test.jsonl", two_topics))
    assert "not better than version 1" in promote(challenger, able).reason
    promote(challenger, able, Force("Ada", "to be replaced"))
    assert promote(make("strongest"), able).how == "better"


def test_an_incumbent_of_another_subject_or_that_is_gone_can_only_be_forced_out(
    make: Make, rules: Rules, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    promote(make("old", test=12), rules)
    other = replace(rules, rejudge=lambda folder: rejudge(folder, tmp_path / "test.jsonl", taxonomy))
    assert "knows other topics or stances" in promote(make("new"), other).reason
    for file in artifacts().rglob("predictions.jsonl"):
        file.unlink()
    assert "cannot be fetched" in promote(make("newer"), other).reason


def test_a_store_that_fails_costs_the_stage_one_line(
    make: Make, rules: Rules, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make("strong").model
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    promote_if_possible(folder, rules)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking:")]
    assert len(told) == 1 and "`detente promote` does it later" in told[0]
    monkeypatch.setenv("DETENTE_TRACKING", "off")
    promote_if_possible(folder, rules)
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("DETENTE_TRACKING")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    promote_if_possible(folder, rules)
    assert "detente version 1 (baseline) is the new champion" in capsys.readouterr().out


def test_the_hash_of_test_data_is_of_questions_not_answers(trained: tuple[Path, list[Judged]]) -> None:
    rows = trained[1]
    assert sha256_of_test([replace(row, predicted_stance="bad") for row in rows]) == sha256_of_test(rows)
    assert sha256_of_test([replace(rows[0], stance="bad"), *rows[1:]]) != sha256_of_test(rows)
    assert sha256_of_test(rows[1:]) != sha256_of_test(rows)


def test_the_champion_is_loaded_by_mlflow_and_holds_no_pickle(
    make: Make, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(make("strong"), rules)
    stored = [path for path in artifacts().rglob("*") if path.is_file()]
    assert {"baseline.skops", "MLmodel", "requirements.txt", "card.md", "cli.py"} <= {path.name for path in stored}
    assert not [path for path in stored if path.suffix in (".pkl", ".pickle", ".joblib", ".pyc")]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri())
    model = mlflow.pyfunc.load_model("models:/detente@champion")
    texts = ["The match and the goal was booed with anger.", "The singer gave a concert and was praised with joy."]
    said = model.predict(pd.DataFrame({"text": texts}))
    assert list(said.topics) == [["sport"], ["music"]]
    assert list(said.stance) == ["bad", "good"]
    assert set(said.stance_scores[0]) == {"good", "plain", "bad"}
    assert promotion.registry.champion() is not None
