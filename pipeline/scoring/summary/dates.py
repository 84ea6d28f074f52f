"""Dates as articles bear them, read as far as they are plain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial

PERIODS = {"day": 10, "month": 7, "quarter": 0, "year": 4}  # characters of an ISO date that name the period
MOST_PERIODS = 36  # more points than this make a crowded line

_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?=$|T\d|\s+\d{1,2}:\d)")
_WRITTEN = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d-%b-%Y")
_MONTHS = ("%B %Y", "%b %Y")


@lru_cache(maxsize=65536)
def iso_date(text: str) -> str:
    """`text` as YYYY-MM-DD, YYYY-MM or YYYY, as far as it goes; "" when it is no date or could mean two.

    >>> iso_date("2026-02-06T10:30:00Z"), iso_date("February 6, 2026"), iso_date("6 Feb 2026"), iso_date("2026")
    ('2026-02-06', '2026-02-06', '2026-02-06', '2026')
    >>> iso_date("1430 GMT"), iso_date("2026-1234")
    ('', '')
    >>> iso_date("02/06/2026"), iso_date("soon"), iso_date("0001-02"), iso_date("Mon, 1 Jan 2026 10:00 +9999999999")
    ('', '', '0001-02', '')
    """
    text = text.strip()
    if match := _ISO.match(text):
        year, month, day = match.groups()
        return _iso(partial(datetime, int(year), int(month or 1), int(day or 1)))[: 10 if day else 7 if month else 4]
    tidy = text.replace("Sept ", "Sep ").replace(".", "")
    for form in (*_WRITTEN, *_MONTHS):
        if found := _iso(partial(datetime.strptime, tidy, form)):
            return found[: 7 if form in _MONTHS else 10]
    return _iso(partial(parsedate_to_datetime, text))


def _iso(read: Callable[[], datetime]) -> str:
    """YYYY-MM-DD of what `read` makes out; "" where it cannot."""
    try:
        return read().date().isoformat()
    except (ValueError, OverflowError):
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
