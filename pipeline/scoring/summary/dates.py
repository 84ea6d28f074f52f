"""Dates as articles bear them, read as far as they are plain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

PERIODS = {"day": 10, "month": 7, "quarter": 0, "year": 4}  # characters of an ISO date that name the period
MOST_PERIODS = 36  # more points than this make a crowded line

_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?![\d])")
_WRITTEN = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d-%b-%Y")
_MONTHS = ("%B %Y", "%b %Y")


@lru_cache(maxsize=65536)
def iso_date(text: str) -> str:
    """`text` as YYYY-MM-DD, YYYY-MM or YYYY, as far as it goes; "" when it is no date or could mean two.

    >>> iso_date("2026-02-06T10:30:00Z"), iso_date("February 6, 2026"), iso_date("6 Feb 2026"), iso_date("2026")
    ('2026-02-06', '2026-02-06', '2026-02-06', '2026')
    >>> iso_date("02/06/2026"), iso_date("soon")
    ('', '')
    """
    text = text.strip()
    if match := _ISO.match(text):
        year, month, day = match.groups()
        return _checked(int(year), int(month or 1), int(day or 1), "%Y" + "-%m" * bool(month) + "-%d" * bool(day))
    tidy = text.replace("Sept ", "Sep ").replace(".", "")
    for form in (*_WRITTEN, *_MONTHS):
        try:
            return datetime.strptime(tidy, form).strftime("%Y-%m" if form in _MONTHS else "%Y-%m-%d")
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text).strftime("%Y-%m-%d")
    except ValueError:
        return ""


def _checked(year: int, month: int, day: int, form: str) -> str:
    try:
        return datetime(year, month, day).strftime(form)
    except ValueError:
        return ""


def period_of(date: str, period: str) -> str:
    """The day, month, quarter or year that an article's date falls in; "" when the date does not tell.

    >>> period_of("Jan 14, 2026", "quarter"), period_of("2026", "month")
    ('2026-Q1', '')
    """
    iso = iso_date(date)
    if period == "quarter":
        return f"{iso[:4]}-Q{(int(iso[5:7]) + 2) // 3}" if len(iso) >= 7 else ""
    length = PERIODS[period]
    return iso[:length] if len(iso) >= length else ""


def fitting_period(dates: Iterable[str], enough: int = 1) -> str:
    """The finest period that suits `dates`, one an article: "" when they fill fewer than two of any.

    It is filled at most `MOST_PERIODS` times, by `enough` articles on average; where none is, the coarsest does.
    """
    known = Counter(dates)
    coarsest = ""
    for period in PERIODS:
        filled: Counter[str] = Counter()
        for date, articles in known.items():
            filled[period_of(date, period)] += articles
        del filled[""]
        if len(filled) >= 2:
            coarsest = period
            if len(filled) <= MOST_PERIODS and filled.total() >= enough * len(filled):
                return period
    return coarsest
