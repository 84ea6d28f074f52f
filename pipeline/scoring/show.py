"""Scored sentences as a table for a terminal, and as the same picture in SVG."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.errors import UserError

WIDTH = 120
_SURE = 0.6  # a stance less likely than this is shown faint
_SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # fetches no font
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_COLOURS = ("green", "bright_black", "red", "blue", "magenta", "cyan")


def read_scored(path: Path) -> list[dict[str, Any]]:
    """Rows of a scored .jsonl file.

    Raises:
        UserError: when the file is missing or is no scored JSON Lines file.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except FileNotFoundError:
        raise UserError.one("no such file", path, "score articles into it with `detente score`") from None
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError):
        raise UserError.one("not JSON Lines", path, "score into a .jsonl file") from None
    if not all(isinstance(row, dict) and {"text", "topics", "stance", "stance_scores"} <= row.keys() for row in rows):
        raise UserError.one("not scored sentences", path, "make the file with `detente score`")
    return rows


def show(rows: Iterable[dict[str, Any]], title: str, svg: Path | None = None) -> None:
    """Print rows as a table: topics, stance with its probability, sentence; also into `svg` when given."""
    table = Table("topics", "stance", "", "sentence", title=escape(title), show_lines=False, expand=True)
    for row in rows:
        colours = dict(zip(row["stance_scores"], _COLOURS, strict=False))
        score = row["stance_scores"][row["stance"]]
        style = colours.get(row["stance"], "") + ("" if score >= _SURE else " dim")
        stance = Text(row["stance"], style=style)
        table.add_row(_plain(", ".join(row["topics"])), stance, f"{score:.2f}", _plain(row["text"]))
    console = Console(record=svg is not None, width=WIDTH if svg else None)
    console.print(table)
    if svg:
        console.save_svg(str(svg), title="detente show", code_format=_SVG, unique_id="scored")


def _plain(text: str) -> Text:
    """Text of articles on one line, in which brackets are no markup and nothing commands the terminal."""
    return Text(_CONTROL.sub("", " ".join(text.split())))
