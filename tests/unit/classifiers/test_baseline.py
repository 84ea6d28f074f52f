"""The baseline learns, is stored without pickle as the same bytes, and is read only when untouched."""

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.tree import DecisionTreeClassifier

from pipeline.classifiers import baseline
from pipeline.classifiers.decision import fit_decision
from pipeline.classifiers.registry import find_model, load_classifier
from pipeline.errors import UserError
from pipeline.params import Params, TrainBaselineParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import seal
from pipeline.taxonomy import Taxonomy
from tests.unit.classifiers.opposites import opposite


@pytest.fixture(scope="module")
def small(params: Params) -> TrainBaselineParams:
    return params.train_baseline.model_copy(update={"min_df": 1})


@pytest.fixture(scope="module")
def model(labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy) -> baseline.Baseline:
    return baseline.train(labelled, labelled, small, two_topics)


def saved(model: baseline.Baseline, folder: Path) -> Path:
    folder.mkdir()
    baseline.save(model, folder)
    return folder


def test_it_is_loaded_without_torch_which_can_be_imported_afterwards(model: baseline.Baseline, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.classifiers.baseline import load; "
        "load(Path(sys.argv[1])); print('torch' in sys.modules); import torch; print(torch.ones(1).item())"
    )
    command = [sys.executable, "-c", code, str(saved(model, tmp_path / "model"))]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n1.0\n"


def test_it_learns_what_is_plain(model: baseline.Baseline, labelled: list[LabelledSentence]) -> None:
    said = model.decision.predict(*model.predict_proba(labelled))
    assert all(set(s.topics) == {t for t in r.topics if r.topics[t]} for s, r in zip(said, labelled, strict=True))
    assert all(r.stance[s.stance] == 1 for s, r in zip(said, labelled, strict=True))


def test_scores_are_probabilities(model: baseline.Baseline, labelled: list[LabelledSentence]) -> None:
    topics, stances = model.predict_proba(labelled[:5])
    assert topics.shape == (5, 2)
    assert ((topics >= 0) & (topics <= 1)).all()
    assert np.allclose(stances.sum(1), 1)
    assert model.predict_proba([])[0].shape == (0, 2)


def test_it_comes_back_as_it_was_and_holds_no_pickle(
    model: baseline.Baseline, labelled: list[LabelledSentence], tmp_path: Path
) -> None:
    folder = saved(model, tmp_path / "model")
    loaded = load_classifier(folder)
    for one, other in zip(loaded.predict_proba(labelled), model.predict_proba(labelled), strict=True):
        assert np.array_equal(one, other)
    assert loaded.decision == model.decision
    names = zipfile.ZipFile(folder / "baseline.skops").namelist()
    assert {Path(name).suffix for name in names} <= {".npy", ".npz", ".json"}


def test_training_twice_gives_the_same_bytes(
    model: baseline.Baseline,
    labelled: list[LabelledSentence],
    small: TrainBaselineParams,
    two_topics: Taxonomy,
    tmp_path: Path,
) -> None:
    again = baseline.train(labelled, labelled, small, two_topics)
    one, other = saved(model, tmp_path / "one"), saved(again, tmp_path / "other")
    assert (one / "baseline.skops").read_bytes() == (other / "baseline.skops").read_bytes()


def test_soft_targets_weigh_both_classes(
    labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy
) -> None:
    unsure = [replace(row, topics=dict.fromkeys(row.topics, 0.5)) for row in labelled]
    topics, _ = baseline.train(unsure, labelled, small, two_topics).predict_proba(labelled)
    assert np.abs(topics - 0.5).max() < 0.05


def test_rows_of_no_weight_change_no_label(
    model: baseline.Baseline, labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy
) -> None:
    contradicted = [*labelled, *3 * opposite(labelled, weight=1e-6)]
    other = baseline.train(contradicted, labelled, small, two_topics)
    one, again = (m.decision.predict(*m.predict_proba(labelled)) for m in (model, other))
    assert [(said.topics, said.stance) for said in again] == [(said.topics, said.stance) for said in one]


def test_the_decision_is_fitted_on_validation(
    model: baseline.Baseline, labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy
) -> None:
    held = opposite(labelled)
    decision = baseline.train(labelled, held, small, two_topics).decision
    assert decision == fit_decision(*model.predict_proba(held), held, two_topics)
    assert decision != model.decision


def test_a_type_that_is_not_on_the_list_is_refused(model: baseline.Baseline, tmp_path: Path) -> None:
    folder = saved(model, tmp_path / "model")
    (folder / "baseline.skops").write_bytes(skops.io.dumps({"x": _Stranger()}))
    seal(folder, baseline.KIND)
    with pytest.raises(UserError, match="untrusted types"):
        baseline.load(folder)


class _Stranger(DecisionTreeClassifier):  # type: ignore[misc]
    """A class that the list does not name."""


def test_a_topic_with_one_class_only_cannot_be_learned(
    labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy
) -> None:
    rows = [replace(row, topics={"sport": 0.0, "music": 1.0}) for row in labelled]
    with pytest.raises(UserError, match="only one class of 'sport'"):
        baseline.train(rows, rows, small, two_topics)


def test_nothing_to_learn_from_is_one_line(
    labelled: list[LabelledSentence], small: TrainBaselineParams, two_topics: Taxonomy
) -> None:
    unweighed = [replace(row, weight=0.0) for row in labelled]
    for rows, held, params, told in (
        ([], labelled, small, "data/labels: train: no labelled sentence"),
        (labelled, [], small, "data/labels: validation: no labelled sentence"),
        (labelled, labelled, small.model_copy(update={"min_df": 10_000}), "train_baseline.min_df: no terms"),
        (unweighed, labelled, small, "only one class of 'sport'"),
    ):
        with pytest.raises(UserError, match=told):
            baseline.train(rows, held, params, two_topics)


def test_models_are_found_by_name_path_and_as_champion(model: baseline.Baseline, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    folder = saved(model, tmp_path / "mine" / "model")
    (tmp_path / "champion.json").write_text('{"model": "mine"}')
    assert find_model("mine", tmp_path) == find_model("champion", tmp_path) == folder
    assert find_model(str(folder), Path("nowhere")) == folder
    with pytest.raises(UserError, match="choose one of mine"):
        find_model("yours", tmp_path)
    with pytest.raises(UserError, match="no champion yet"):
        find_model("champion", tmp_path / "mine")


def test_a_model_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    seal(tmp_path, "oracle")
    with pytest.raises(UserError, match="unknown kind of model 'oracle'"):
        load_classifier(tmp_path)


def test_ngrams_by_word_are_those_of_scikit_learn_to_the_last_bit(
    labelled: list[LabelledSentence], two_topics: Taxonomy, params: Params
) -> None:
    model = baseline.train(labelled, labelled, params.train_baseline.model_copy(update={"min_df": 1}), two_topics)
    texts = [row.text for row in labelled]
    texts += [
        "",
        " ",
        "A b  C\t\tgoal\nÉtat ΟΔΟΣ",
        "ΟΔΟΣ\u00a0İstanbul ﬁn the",
        texts[0].upper(),
        "x" * 300,
        "team team team",
    ]
    own, theirs = model._read(texts), model.features.transform(texts)
    assert (own.indptr == theirs.indptr).all()
    assert (own.indices == theirs.indices).all()
    assert own.data.tobytes() == theirs.data.tobytes()


def test_the_heaviest_words_are_those_of_their_class(model: baseline.Baseline) -> None:
    rows = baseline.heaviest(model, 6)
    words = {name: {row["feature"] for row in rows if row["class"] == name} for name in ("sport", "music", "good")}
    assert "team" in words["sport"]
    assert "concert" in words["music"]
    assert "praised" in words["good"]
    assert len(rows) == 6 * 5
    weights = [row["weight"] for row in rows[:6]]
    assert weights == sorted(weights, reverse=True)
