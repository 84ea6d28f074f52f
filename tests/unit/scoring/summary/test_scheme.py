"""Roles and names of stances and topics come from the data or a taxonomy, never from the code."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.scoring.summary.scheme import scheme_of


def taxonomy_file(path: Path, stances: list[str], default: str) -> Path:
    entries = [{"id": s, "label": f"Label {s}", "definition": s} for s in stances]
    topics = [{"id": "farms", "label": "Farming", "definition": "x"}]
    path.write_text(
        yaml.safe_dump({"target": "peace", "default_stance": default, "topics": topics, "stances": entries})
    )
    return path


def test_without_a_taxonomy_first_and_last_stance_are_the_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    scheme = scheme_of(("farms",), ("yes", "maybe", "no"))
    assert (scheme.favor, scheme.against, scheme.label("farms")) == ("yes", "no", "Farms")
    assert [scheme.sign(s) for s in scheme.stances] == ["▲", "■", "▼"]


def test_a_taxonomy_gives_labels_target_and_keeps_the_default_from_the_ends(tmp_path: Path) -> None:
    path = taxonomy_file(tmp_path / "t.yaml", ["maybe", "yes", "no"], default="maybe")
    scheme = scheme_of(("farms", "ships"), ("yes", "maybe", "no"), path)
    assert (scheme.favor, scheme.against, scheme.target) == ("yes", "no", "peace")
    assert (scheme.label("farms"), scheme.label("ships"), scheme.label("no")) == ("Farming", "Ships", "Label no")


def test_the_projects_own_taxonomy_is_left_aside_when_it_is_of_another_subject(root: Path) -> None:
    assert (root / "seeds" / "taxonomy.yaml").is_file()
    assert scheme_of(("farms",), ("yes", "no")).target == ""


def test_a_named_taxonomy_must_fit(tmp_path: Path) -> None:
    path = taxonomy_file(tmp_path / "t.yaml", ["good", "bad"], default="good")
    with pytest.raises(UserError, match="are not those scored"):
        scheme_of(("farms",), ("yes", "no"), path)
    with pytest.raises(UserError, match="no such file"):
        scheme_of(("farms",), ("yes", "no"), tmp_path / "none.yaml")


def test_one_stance_has_no_two_ends() -> None:
    with pytest.raises(UserError, match="at least two stances"):
        scheme_of(("farms",), ("yes",))
