"""One page on a run: figures, params, tables, pictures, origin. It needs nothing but itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pipeline.tracking.journal import Event

_STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}
th{background:#f3f3f3}td.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:34em;margin:.5em}"""
_ROWS = 50  # of a table; the whole is an artefact of its own


def summary(events: list[Event], files: Path, status: str) -> str:
    """The page for the events of one run and the folder of its files."""
    start = events[0]
    parts = [f"<h1>{escape(start['name'])}</h1><p>{escape(start['stage'])}: {escape(status.lower())}</p>"]
    for title, kind in (("Figures", "metrics"), ("Params", "params"), ("Origin", "tags")):
        values = {k: v for event in events if event["kind"] == kind for k, v in event["values"].items()}
        parts += [f"<h2>{title}</h2>", _table(("name", "value"), values.items())] if values else []
    for name in dict.fromkeys(event["name"] for event in events if event["kind"] == "table"):
        table = json.loads((files / name).read_text(encoding="utf-8"))
        parts += [f"<h2>{escape(_title(name))}</h2>", _table(table["columns"], table["data"][:_ROWS])]
    for picture in sorted(files.rglob("*.png")):
        data = base64.b64encode(picture.read_bytes()).decode()
        parts.append(f'<img alt="{escape(_title(picture.name))}" src="data:image/png;base64,{data}">')
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{escape(start["name"])}</title>\n<style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">{head}\n{body}\n</html>\n'


def _title(name: str) -> str:
    return Path(name).stem.replace("_", " ").capitalize()


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(str(column))}</th>" for column in columns)
    lines = ("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td>{escape('' if value is None else str(value))}</td>"
    return f'<td class="n">{value:.4g}</td>' if isinstance(value, float) else f'<td class="n">{value}</td>'
