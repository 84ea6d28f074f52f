"""Labelling as a whole: what teaches, what judges, and what is told about it."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.labeling.analysis import function_figure, function_table
from pipeline.labeling.cues import CueSet
from pipeline.labeling.functions import ABSTAIN, Ballot, cue_ballot
from pipeline.labeling.voting import label, seed_ballot
from pipeline.params import LabelParams, Params
from pipeline.schemas import Annotation, Assignment, LabelledSentence, Sentence
from pipeline.stages import label as stage
from pipeline.storage import write_jsonl
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

SETS = (
    CueSet("sport", phrases=("match",), patterns=(r"\bteam\b",)),
    CueSet("music", phrases=("concert",)),
    CueSet("good", phrases=("praised",)),
    CueSet("bad", phrases=("booed",)),
)


@pytest.fixture
def wanted(params: Params) -> LabelParams:
    return params.label.model_copy(update={"supervision": "both", "encoder": None})


@pytest.fixture
def corpus(labelled: list[LabelledSentence]) -> tuple[dict[str, list[Sentence]], dict[str, Annotation]]:
    by_split: dict[str, list[Sentence]] = {"train": [], "validation": [], "test": []}
    known = {}
    for copy, split in enumerate(("train", "train", "train", "validation", "test")):
        for i, row in enumerate(labelled):
            s = sentence(row.text, i, f"{row.article_id}-{copy}")
            by_split[split].append(s)
            topics = tuple(t for t, p in row.topics.items() if p)
            known[s.id] = Annotation(s.id, s.text, topics, max(row.stance, key=lambda k: row.stance[k]))
    return by_split, known


def _label(by_split, known, wanted, taxonomy):  # type: ignore[no-untyped-def]
    return label(by_split, known, seed_ballot(by_split, SETS, wanted, taxonomy), wanted, taxonomy)


def test_cues_alone_label_the_same_with_and_without_train_annotations(corpus, wanted, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    by_split, known = corpus
    cues = wanted.model_copy(update={"supervision": "cues"})
    judges = {s.id: known[s.id] for s in by_split["validation"]}
    with_all, with_judges = _label(by_split, known, cues, two_topics), _label(by_split, judges, cues, two_topics)
    assert with_all.labels == with_judges.labels
    assert {row.origin for row in with_all.labels["train"]} == {"cues"}
    assert with_all.figures["cues"]["validation"]["topics"]["macro_f1"] > 0.8


def test_no_annotation_of_test_is_looked_at(corpus, wanted, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    by_split, known = corpus
    unseen = {s.id for s in by_split["test"]}
    without = {i: a for i, a in known.items() if i not in unseen}
    one, other = _label(by_split, known, wanted, two_topics), _label(by_split, without, wanted, two_topics)
    assert one.labels == other.labels
    assert one.figures == other.figures and one.functions == other.functions and one.learned == other.learned


def test_annotations_improve_what_cues_say_of_the_rest(corpus, wanted, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    by_split, known = corpus
    made = _label(by_split, known, wanted, two_topics)
    assert made.learned and {"good.learned", "sport.learned"} <= {row["function"] for row in made.functions}
    cues, both = (made.figures[name]["validation"]["topics"]["macro_f1"] for name in ("cues", "with_annotations"))
    assert both >= cues


def test_labelling_without_any_annotation_falls_back(corpus, wanted, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    by_split, _ = corpus
    made = _label(by_split, {}, wanted.model_copy(update={"supervision": "cues"}), two_topics)
    assert {choice["chosen"] for choice in made.verdicts["cues"].choices.values()} == {"majority"}
    assert all(row["judged"] == 0 and row["accuracy"] == "" for row in made.functions)
    assert len(made.labels["train"]) == len(by_split["train"])


def test_prototypes_vote_where_an_encoder_is_named(corpus, wanted, small_encoder: Path, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    by_split, _ = corpus
    few = {split: sentences[:6] for split, sentences in by_split.items()}
    typical = few["validation"][0].text
    sets = [*SETS[:3], CueSet("bad", phrases=("booed",), prototypes=(typical,))]
    without = seed_ballot(few, sets, wanted, two_topics)
    near = wanted.model_copy(update={"encoder": str(small_encoder), "similarity": 0.999})
    ballot = seed_ballot(few, sets, near, two_topics)
    assert not [f for f in without.functions if f.kind == "prototypes"]
    assert [f.name for f in ballot.functions] == [*(f.name for f in without.functions), "bad.prototypes"]
    pool = [*few["train"], *few["validation"]]
    bad = two_topics.stance_ids.index("bad")
    assert ballot.votes[:, -1].tolist() == [bad if s.text == typical else ABSTAIN for s in pool]


def test_the_log_and_the_report_say_which_label_model_and_why(  # type: ignore[no-untyped-def]
    corpus, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DETENTE_TRACKING", "off")
    by_split, known = corpus
    everything = [s for sentences in by_split.values() for s in sentences]
    write_jsonl(tmp_path / "sentences.jsonl", everything)
    articles = {s.article_id: split for split, sentences in by_split.items() for s in sentences}
    write_jsonl(tmp_path / "splits.jsonl", [Assignment(article, split, article) for article, split in articles.items()])
    write_jsonl(tmp_path / "annotations" / "first.jsonl", known.values())
    (tmp_path / "cues").mkdir()
    for cues in SETS:
        lists = {"phrases": list(cues.phrases), "patterns": list(cues.patterns)}
        (tmp_path / "cues" / f"{cues.class_id}.yaml").write_text(yaml.safe_dump(lists))
    entry = lambda name: {"id": name, "label": name, "definition": name}  # noqa: E731
    classes = {"topics": [entry("sport"), entry("music")], "stances": [entry(s) for s in ("good", "plain", "bad")]}
    (tmp_path / "taxonomy.yaml").write_text(yaml.safe_dump({"target": "it", "default_stance": "plain", **classes}))
    stage.main(
        tmp_path / "sentences.jsonl",
        tmp_path / "splits.jsonl",
        tmp_path / "annotations",
        tmp_path / "cues",
        tmp_path / "taxonomy.yaml",
        tmp_path / "labels",
        tmp_path / "labelling.json",
        root / "params.yaml",
    )
    report, log = json.loads((tmp_path / "labelling.json").read_text()), capsys.readouterr().out
    assert set(report) == {"cues", "with_annotations"}
    for name, figures in report.items():
        assert set(figures["label_model"]) == {"topics", "stance"}
        (line,) = [line for line in log.splitlines() if line.startswith(f"label model, {name}: ")]
        for task, choice in figures["label_model"].items():
            assert choice["chosen"] in choice["scores"] and "on validation annotations" in choice["why"]
            assert f"{task} by {choice['chosen']} ({choice['why']}: " in line
            assert all(f"{model} {score:.3f}" in line for model, score in choice["scores"].items())


def test_the_table_counts_coverage_overlap_conflict_and_accuracy(two_topics: Taxonomy) -> None:
    sentences = [sentence(t, i) for i, t in enumerate(["praised match", "praised, booed", "team match", "nothing"])]
    ballot = cue_ballot(sentences, SETS, two_topics)
    truth = [(("sport",), "good"), ((), "bad"), ((), "plain"), ((), "plain")]
    known = {s.id: Annotation(s.id, s.text, *t) for s, t in zip(sentences, truth, strict=True)}
    rows = {row["function"]: row for row in function_table(ballot, sentences, known, two_topics)}
    shares = ("coverage", "overlap", "conflict", "judged", "accuracy")
    assert [rows["good.phrases"][k] for k in shares] == [0.5, 0.25, 0.25, 2, 0.5]
    assert [rows["sport.phrases"][k] for k in shares] == [0.5, 0.25, 0.0, 2, 0.5]
    assert [rows["music.phrases"][k] for k in shares] == [0.0, 0.0, 0.0, 0, ""]
    figure = function_figure(list(rows.values()), "title")
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == list(rows)
    assert function_table(Ballot((), ballot.votes[:, :0]), sentences, known, two_topics) == []
