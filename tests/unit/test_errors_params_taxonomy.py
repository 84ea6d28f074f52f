"""Mistakes in params.yaml and taxonomy.yaml: each named with its place, all at once."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import Problem, UserError, raise_if_any
from pipeline.params import load_params
from pipeline.taxonomy import load_taxonomy


def changed(root: Path, tmp_path: Path, change: Any) -> Path:
    raw = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    change(raw)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def test_no_problem_is_no_error() -> None:
    raise_if_any([])
    with pytest.raises(UserError, match="a: b; c"):
        raise_if_any([Problem("b", "a", "c")])


def test_an_error_of_another_process_tells_the_same() -> None:
    error = UserError([Problem("b", "a", "c"), Problem("e", "d", "f")])
    again = copy.copy(error)  # rebuilt from its arguments, as one from another process is
    assert (again.problems, str(again)) == (error.problems, "a: b; c\nd: e; f")


def test_unknown_keys_missing_keys_and_bad_values_are_told_together(root: Path, tmp_path: Path) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["train_finetuned"]["learning_rat"] = 1
        raw["train_finetuned"]["epochs"] = 0
        del raw["split"]["salt"]
        raw["label"]["supervision"] = "none"
        raw["extra"] = {}

    with pytest.raises(UserError) as caught:
        load_params(changed(root, tmp_path, change))
    told = [str(problem).split("params.yaml: ")[1] for problem in caught.value.problems]
    assert sorted(line.split(":")[0] for line in told) == [
        "extra",
        "label.supervision",
        "split.salt",
        "train_finetuned.epochs",
        "train_finetuned.learning_rat",
    ]
    assert "train_finetuned.learning_rat: unknown key; remove it or mend its spelling" in told


@pytest.mark.parametrize(
    ("section", "change", "told"),
    [
        ("train_baseline", {"word_ngrams": [2, 1]}, "the first is above the second"),
        ("train_baseline", {"seed": -1}, "greater than or equal to 0"),
        ("evaluate", {"seed": 2**32}, "less than 4294967296"),
    ],
)
def test_what_a_library_would_refuse_later_is_told_at_once(
    section: str, change: dict[str, object], told: str, root: Path, tmp_path: Path
) -> None:
    path = changed(root, tmp_path, lambda raw: raw[section].update(change))
    with pytest.raises(UserError, match=told):
        load_params(path)


def test_splits_must_leave_something_to_train_on(root: Path, tmp_path: Path) -> None:
    path = changed(root, tmp_path, lambda raw: raw["split"].update(validation=0.6, test=0.4))
    with pytest.raises(UserError, match="leave nothing for train"):
        load_params(path)


@pytest.mark.parametrize(
    ("held", "told"), [(b": [", "not YAML"), (None, "no such file"), ("\u00e9".encode("latin-1"), "not YAML")]
)
def test_files_that_cannot_be_read_are_one_line(held: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    if held is not None:
        path.write_bytes(held)
    for load in (load_params, load_taxonomy):
        with pytest.raises(UserError, match=told) as caught:
            load(path)
        assert len(caught.value.problems) == 1


def test_mistakes_in_a_taxonomy_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text(
        """
topics:
  - {id: Sport, label: S, definition: d}
  - {id: music, label: M}
  - {id: stance, label: T, definition: d}
  - {id: good, label: G, definition: d}
stances:
  - {id: good, label: G, definition: d}
  - {id: good, label: G, definition: d}
default_stance: good
colour: red
""",
        encoding="utf-8",
    )
    with pytest.raises(UserError) as caught:
        load_taxonomy(path)
    told = str(caught.value)
    for part in (
        "bad id 'Sport'",
        "exactly id, label",
        "stands twice",
        "unknown key 'colour'",
        "target is missing",
        "id 'stance'",
    ):
        assert part in told
    assert "a topic has the id 'good'" in told  # else a cue file or a column would be both


def test_the_projects_taxonomy_is_the_designs(root: Path) -> None:
    taxonomy = load_taxonomy(root / "seeds" / "taxonomy.yaml")
    assert taxonomy.topic_ids == ("agriculture", "energy", "defence", "technology")
    assert taxonomy.stance_ids == ("favor", "neutral", "against")
    assert taxonomy.default_stance == "neutral"
