"""The suite itself: large enough, never vacuous, our own, and hard on classifiers that are bad on purpose."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.evaluation.behaviour import KINDS, Case, load_cases, load_floors, pass_rates, try_cases
from pipeline.evaluation.corpus import overlaps
from pipeline.labeling.annotations import load_annotations
from pipeline.taxonomy import Taxonomy
from tests.behaviour.stubs import Stub, lexicon, neutral, partisan

LEAST = 40  # cases of each kind
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cases(taxonomy: Taxonomy) -> tuple[Case, ...]:
    return load_cases(HERE / "cases", taxonomy)


def test_every_kind_has_cases_enough_and_every_capability_several(cases: tuple[Case, ...]) -> None:
    kinds, capabilities = Counter(c.kind for c in cases), Counter((c.kind, c.capability) for c in cases)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= LEAST
    assert min(capabilities.values()) >= 5


def test_no_case_is_vacuous(cases: tuple[Case, ...]) -> None:
    assert [c for c in cases if c.kind == "minimum" and c.topics is None and not c.stance] == []
    assert [c for c in cases if c.kind != "minimum" and c.variant.split() in ([], c.text.split())] == []
    assert [c for c in cases if c.kind == "direction" and not c.toward] == []


def test_no_sentence_is_changed_twice(cases: tuple[Case, ...]) -> None:
    texts = Counter(text for case in cases if case.kind != "minimum" for text in (case.text, case.variant))
    assert [text for text, times in texts.items() if times > 1] == []


def test_labels_asked_for_are_spread(cases: tuple[Case, ...], taxonomy: Taxonomy) -> None:
    """One answer to everything must not go far."""
    asked = Counter(c.stance for c in cases if c.kind == "minimum" and c.stance)
    assert set(asked) == set(taxonomy.stance_ids)
    assert max(asked.values()) < 0.5 * asked.total()
    toward = Counter(c.toward for c in cases if c.kind == "direction")
    assert set(toward) == {*taxonomy.topic_ids, *taxonomy.stance_ids}
    assert max(toward.values()) < 0.6 * toward.total()


def test_no_case_repeats_the_corpus(cases: tuple[Case, ...], taxonomy: Taxonomy, root: Path) -> None:
    corpus = [a.text for a in load_annotations(root / "seeds" / "annotations", taxonomy).final().values()]
    own = {text: text for case in cases for text in (case.text, case.variant) if len(text.split()) > 3}
    assert not set(own) & set(corpus)
    assert overlaps(own, corpus, words=8) == {}


def test_one_answer_to_everything_fails(cases: tuple[Case, ...]) -> None:
    rates = pass_rates(try_cases(Stub(neutral), cases))
    assert rates["minimum"]["plain progress"] == rates["minimum"]["plain conflict"] == 0
    assert rates["minimum"]["several topics"] == 0
    assert rates["direction"]["all"] == 0


def test_a_lexicon_deaf_to_negation_fails_where_negation_counts(cases: tuple[Case, ...]) -> None:
    rates = pass_rates(try_cases(Stub(lexicon), cases))
    assert min(rates["minimum"]["plain progress"], rates["minimum"]["plain conflict"]) >= 0.6  # no straw man
    assert max(rates["minimum"]["negated progress"], rates["minimum"]["negated conflict"]) <= 0.3
    assert rates["direction"]["negation added"] <= 0.3


def test_a_classifier_that_goes_by_names_and_numbers_fails_invariance(cases: tuple[Case, ...]) -> None:
    rates = pass_rates(try_cases(Stub(partisan), cases))["invariance"]
    assert max(rates[c] for c in ("names of people", "dates", "numbers", "other pair of the same relation")) <= 0.6


def test_floors_name_every_capability_and_ask_for_something(cases: tuple[Case, ...]) -> None:
    capabilities = {(c.kind, name) for c in cases for name in ("all", c.capability)}
    for model, floors in load_floors(HERE / "floors.yaml").items():
        assert {(kind, c) for kind, own in floors.items() for c in own} == capabilities, model
        assert min(own["all"] for own in floors.values()) >= 0.6, model
