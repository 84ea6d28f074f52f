"""Cases are read with all their mistakes named; passing means what each kind of case asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.evaluation.behaviour import KINDS, Case, load_cases, pass_rates, shortfalls, try_cases
from pipeline.taxonomy import Taxonomy
from tests.behaviour.stubs import Stub


def write(folder: Path, **cases: object) -> Path:
    for kind in KINDS:
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(cases.get(kind, {})))
    return folder


def test_every_mistake_is_named(tmp_path: Path, taxonomy: Taxonomy) -> None:
    text = "They signed it."
    folder = write(
        tmp_path,
        minimum={
            "a": [
                {"text": text},
                {"text": text, "stance": "glad"},
                {"text": text, "topics": ["sport"]},
                {"text": text, "topics": 5},
            ]
        },
        invariance={
            "b": [
                {"text": text, "change": {"They": "They"}},
                {"text": text, "change": {"We": "You"}},
                {"text": text},
                {"text": text, "chance": {}},
                {"text": text, "change": {"They": "We"}},
                {"text": text, "change": {"They": "We"}},
                {"text": text, "change": {"They": "it", "it": "They"}},
                {"text": text, "change": {2024: 2025}},
            ]
        },
        direction={"c": [{"text": text, "change": {"signed": "tore"}, "toward": "sport"}]},
    )
    with pytest.raises(UserError) as error:
        load_cases(folder, taxonomy)
    told = [f"{Path(p.where).name}: {p.what}" for p in error.value.problems]
    assert told == [
        "minimum.yaml: a 1: asks for nothing",
        "minimum.yaml: a 2: no stance 'glad'",
        "minimum.yaml: a 3: no topic 'sport'",
        "minimum.yaml: a 4: topics are no list: 5",
        "invariance.yaml: b 1: changes nothing by 'They'",
        "invariance.yaml: b 2: changes nothing by 'We'",
        "invariance.yaml: b 3: no change",
        "invariance.yaml: b 4: needs text, and takes the keys change, text",
        "invariance.yaml: b 6: stands twice",
        "invariance.yaml: b 7: 'it' is changed again",
        "invariance.yaml: b 8: a change is no text: {2024: 2025}",
        "direction.yaml: c 1: no class 'sport' to move toward",
    ]


@pytest.mark.parametrize("content", ["[1", "- a", "a: b", "a: [{text: 5, stance: favor}]"])
def test_files_that_are_no_cases_are_refused(tmp_path: Path, taxonomy: Taxonomy, content: str) -> None:
    (write(tmp_path) / "minimum.yaml").write_text(content)
    with pytest.raises(UserError, match=r"minimum\.yaml"):
        load_cases(tmp_path, taxonomy)


def passed(case: Case) -> bool:
    """Whether a model that is for what is signed and against what is torn passes."""
    stub = Stub(lambda text: "favor" if "signed" in text else "against" if "tore" in text else "neutral")
    return try_cases(stub, [case])[0].passed


def test_each_kind_passes_for_what_it_asks() -> None:
    assert passed(Case("minimum", "a", "They signed it.", stance="favor", topics=()))
    assert not passed(Case("minimum", "a", "They signed it.", stance="against"))
    assert not passed(Case("minimum", "a", "They signed it.", stance="favor", topics=("energy",)))
    assert passed(Case("invariance", "a", "They signed it.", "We signed it."))
    assert not passed(Case("invariance", "a", "They signed it.", "They tore it."))
    assert passed(Case("direction", "a", "They signed it.", "They tore it.", toward="against"))
    assert not passed(Case("direction", "a", "They signed it.", "They tore it.", toward="favor"))
    assert not passed(Case("direction", "a", "They tore it.", "We tore it.", toward="against"))


def test_rates_are_shares_and_floors_are_kept_or_named() -> None:
    cases = [Case("minimum", "a", "They signed it.", stance="favor"), Case("minimum", "b", "A hat.", stance="favor")]
    stub = Stub(lambda text: "favor" if "signed" in text else "neutral")
    rates = pass_rates(try_cases(stub, cases))
    assert rates == {"minimum": {"all": 0.5, "a": 1.0, "b": 0.0}}
    assert shortfalls(rates, {"minimum": {"all": 0.5, "a": 1.0, "b": 0.0}}) == []
    assert shortfalls(rates, {"minimum": {"all": 0.6, "a": 1.0}}) == [
        "minimum all: 0.50 < 0.60",
        "minimum b: 0.00 has no floor",
    ]
