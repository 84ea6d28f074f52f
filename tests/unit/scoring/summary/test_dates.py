"""Dates are read as far as they are plain; nothing is guessed."""

from __future__ import annotations

import pytest

from pipeline.scoring.summary.dates import fitting_period, iso_date, period_of


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-02-06", "2026-02-06"),
        ("2026/2/6", "2026-02-06"),
        ("2026-02-06 10:00:00+05:30", "2026-02-06"),
        ("2026-02", "2026-02"),
        ("2026", "2026"),
        ("February 6, 2026", "2026-02-06"),
        ("Feb. 6, 2026", "2026-02-06"),
        ("Sept 6, 2026", "2026-09-06"),
        ("6 February 2026", "2026-02-06"),
        (" February 2026 ", "2026-02"),
        ("Fri, 06 Feb 2026 10:00:00 GMT", "2026-02-06"),
        ("26-FEB-1987 15:01:01.79", ""),
        ("2026-13-01", ""),
        ("2026-02-30", ""),
        ("06/02/2026", ""),
        ("20260", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_forms_of_dates(text: str, iso: str) -> None:
    assert iso_date(text) == iso


def test_a_date_that_is_too_coarse_falls_in_no_period() -> None:
    assert [period_of("2026-05", p) for p in ("day", "month", "quarter", "year")] == ["", "2026-05", "2026-Q2", "2026"]
    assert [period_of("2026", p) for p in ("month", "quarter", "year")] == ["", "", "2026"]


@pytest.mark.parametrize(
    ("dates", "period"),
    [
        ([f"2026-01-{day:02d}" for day in range(1, 29)], "day"),
        ([f"{year}-{month:02d}-01" for year in (2024, 2025, 2026) for month in range(1, 13)], "day"),
        ([f"{year}-{month:02d}-{d:02d}" for year in (2025, 2026) for month in range(1, 13) for d in (1, 9)], "month"),
        ([f"{year}-{month:02d}" for year in range(2020, 2027) for month in range(1, 13)], "quarter"),
        ([f"{year}-{month:02d}" for year in range(1990, 2027) for month in range(1, 13)], "year"),
        (["2026-01-01", "2026-01-01", ""], ""),
        (["soon", "later"], ""),
    ],
)
def test_the_period_fits_the_dates(dates: list[str], period: str) -> None:
    assert fitting_period(dates) == period


def test_a_period_of_too_few_articles_gives_way_to_a_coarser_one() -> None:
    sparse = [f"{year}-{month:02d}" for year in (2024, 2025, 2026) for month in (1, 5)]
    assert [fitting_period(sparse, enough) for enough in (1, 2, 9)] == ["month", "year", "year"]
    assert fitting_period(["2026-01-01", "2026-01-02"], 5) == "day"
