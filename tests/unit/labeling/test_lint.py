"""The linter of cues: each kind of finding, with its sentences, and what counts as an error."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.labeling.cues import CueSet
from pipeline.labeling.lint import Finding, Strictness, lint
from pipeline.schemas import Annotation, Assignment
from pipeline.storage import write_jsonl
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

TEXTS = [("A fine match in town.", ("sport",), "good"), ("A fine song, no more.", ("music",), "bad")]
SENTENCES = [sentence(text, i) for i, (text, _, _) in enumerate(TEXTS * 3)]
FINAL = {s.id: Annotation(s.id, s.text, *TEXTS[i % 2][1:]) for i, s in enumerate(SENTENCES)}
BAD_ONLY = {i: a for i, a in FINAL.items() if a.stance == "bad"}


def _lint(two_topics: Taxonomy, *sets: CueSet, final: dict[str, Annotation] = FINAL) -> list[Finding]:
    return lint(sets, SENTENCES, final, Strictness(3, 0.6), two_topics)


@pytest.mark.parametrize(
    ("sets", "problem", "cue", "is_error", "shows"),
    [
        ((CueSet("sport", phrases=("match", "Match")),), "duplicate", "match", True, "A fine match in town."),
        (
            (CueSet("sport", phrases=("town",), excluded=("In town", "in town")),),
            "duplicate",
            "in town",
            True,
            "A fine match in town.",
        ),
        ((CueSet("sport", phrases=("match", "mat*")),), "covered", "match", False, "A fine match in town."),
        ((CueSet("sport", phrases=("regatta",)),), "dead", "regatta", False, ""),
        (
            (CueSet("sport", phrases=("town",), excluded=("in town",)),),
            "silenced",
            "town",
            True,
            "A fine match in town.",
        ),
        ((CueSet("sport", patterns=("fine",)),), "over-broad", "fine", False, "[music; bad] A fine song, no more."),
        ((CueSet("good", phrases=("song",)),), "contradicting", "song", True, "[music; bad] A fine song, no more."),
        (
            (CueSet("good", phrases=("match",)), CueSet("bad", phrases=("match",))),
            "contradicting",
            "match",
            True,
            "A fine match in town.",
        ),
    ],
)
def test_each_kind_of_finding(
    sets: tuple[CueSet, ...], problem: str, cue: str, is_error: bool, shows: str, two_topics: Taxonomy
) -> None:
    found = {(f.problem, f.cue): f for f in _lint(two_topics, *sets)}
    assert (problem, cue) in found
    assert found[problem, cue].is_error == is_error
    assert not shows or shows in found[problem, cue].sentences


@pytest.mark.parametrize(
    ("cues", "told"),
    [
        (CueSet("sport", headings=("fine",), excluded=("fine song",)), "A fine match in town."),
        (CueSet("bad", phrases=("more", "fine"), excluded=("more music",)), "A fine song, no more."),
    ],
)
def test_a_cue_that_only_happens_not_to_count_is_not_called_silenced(
    cues: CueSet, told: str, two_topics: Taxonomy
) -> None:
    sentences = [*SENTENCES, sentence("One more music hall.", 9)]
    found = {f.cue: f for f in lint([cues], sentences, {}, Strictness(), two_topics)}
    (cue,) = [c for c in ("fine", "more") if c in found]
    assert found[cue].problem == "dead" and found[cue].sentences == (told,)


def test_a_sentence_is_shown_once(two_topics: Taxonomy) -> None:
    (found,) = [f for f in _lint(two_topics, CueSet("sport", phrases=("match", "match"))) if f.problem == "duplicate"]
    assert found.sentences == ("A fine match in town.",)


def test_good_cues_give_no_finding(two_topics: Taxonomy) -> None:
    good = (
        CueSet("sport", phrases=("match",)),
        CueSet("good", phrases=("town",)),
        CueSet("bad", patterns=("no more",)),
    )
    assert _lint(two_topics, *good) == []


def test_a_cue_of_two_topics_is_no_contradiction(two_topics: Taxonomy) -> None:
    two = (CueSet("sport", phrases=("fine",)), CueSet("music", phrases=("fine",)))
    assert {f.problem for f in lint(two, SENTENCES, {}, Strictness(), two_topics)} == set()


def test_too_few_annotations_judge_nothing(two_topics: Taxonomy) -> None:
    few = dict(list(BAD_ONLY.items())[:2])
    assert _lint(two_topics, CueSet("good", phrases=("song",)), final=few) == []


@pytest.fixture
def seeds(root: Path, tmp_path: Path) -> Path:
    """Seeds with four clean cues and three sentences, of which the last is in test."""
    folder = tmp_path / "seeds"
    (folder / "cues").mkdir(parents=True)
    (folder / "annotations").mkdir()
    (folder / "annotations" / "first.jsonl").write_text("")
    (folder / "taxonomy.yaml").write_text((root / "seeds" / "taxonomy.yaml").read_text())
    words = ["agriculture", "energy", "defence", "technology", "favor", "against"]
    for word in words:
        (folder / "cues" / f"{word}.yaml").write_text(f"phrases: [{word}]\n")
    interim = tmp_path / "interim"
    write_jsonl(interim / "sentences.jsonl", [sentence(" ".join(words), 0), sentence("secret energy", 0, "held")])
    write_jsonl(interim / "splits.jsonl", [Assignment("a1", "train", "a1"), Assignment("held", "test", "held")])
    return folder


def _run(seeds: Path, *more: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(app, ["cues", "--seeds", str(seeds), "--interim", str(seeds.parent / "interim"), *more])


def test_clean_seeds_pass(seeds: Path) -> None:
    done = _run(seeds)
    assert done.exit_code == 0 and "nothing found" in done.stdout


def test_an_error_in_the_seeds_is_the_users_to_mend(seeds: Path) -> None:
    (seeds / "cues" / "energy.yaml").write_text("phrases: [energy, energy]\n")
    done = _run(seeds)
    assert isinstance(done.exception, UserError)  # `guarded` exits 2 on it
    assert "error: energy: duplicate cue 'energy'" in done.stdout


def test_sentences_of_test_are_not_looked_at(seeds: Path) -> None:
    (seeds / "cues" / "energy.yaml").write_text("phrases: [energy, secret]\n")
    done = _run(seeds)
    assert "dead cue 'secret': counts in none of 1 sentences" in done.stdout
    assert "dead" not in _run(seeds, "--errors-only").stdout


def test_the_projects_own_cues_do_not_contradict_themselves(root: Path, taxonomy: Taxonomy) -> None:
    from pipeline.labeling.cues import load_cues

    found = lint(load_cues(root / "seeds" / "cues", taxonomy), [], {}, Strictness(), taxonomy)
    assert [f for f in found if f.problem not in {"dead"}] == []
