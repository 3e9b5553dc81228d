"""What prices are in: what was said, else what fees are charged in, else what the exchange quotes in."""

import pytest
from exchange_calendars import get_calendar_names

from exec_algos.errors import UsageError
from exec_algos.market.currencies import EXCHANGES, HUNDREDTHS, currencies

# of several currencies, or of contracts whose prices have a multiplier
WITHOUT = {"24/5", "24/7", "CMES", "IEPA", "us_futures", "XCBF", "XEEE", "XEUR"}


def test_every_calendar_has_a_currency_or_is_known_to_have_none():
    assert {*get_calendar_names(include_aliases=False)} == {*EXCHANGES} | WITHOUT
    assert not {*EXCHANGES} & WITHOUT


@pytest.mark.parametrize(
    ("calendar", "code", "per_price"),
    [
        ("XNYS", "USD", 1.0),
        ("NASDAQ", "USD", 1.0),
        ("XNYS-60min+60min", "USD", 1.0),
        ("XKRX@2024-11-14=10:00-16:30", "KRW", 1.0),
        ("XLON", "GBP", 0.01),
        ("XJSE", "ZAR", 0.01),
        ("XTAE", "ILS", 0.01),
        ("24/7", "", 1.0),
        ("from the bars", "", 1.0),
        (None, "", 1.0),
    ],
)
def test_an_exchange_says_what_it_quotes_in(calendar, code, per_price):
    found = currencies(calendar=calendar).of("A")
    assert (found.code, found.per_price) == (code, per_price)
    assert found.named == (code or "units of price")


def test_what_was_said_counts_before_fees_and_fees_before_the_exchange():
    assert currencies("EUR", fees="USD", calendar="XNYS").of("A").code == "EUR"
    assert currencies(fees="EUR", calendar="XNYS").of("A").code == "EUR"
    assert currencies(fees="GBP", calendar="XLON").of("A").per_price == 0.01  # pounds of fees, pence of prices
    assert currencies("GBP", calendar="XLON").of("A").per_price == 1.0


def test_symbols_may_have_their_own():
    found = currencies("BTC-EUR=eur, usd", calendar="24/7")
    assert [found.of(symbol).code for symbol in ("BTC-EUR", "BTC-USD")] == ["EUR", "USD"]
    alone = currencies("A=B=USD")  # a symbol may hold the sign
    assert [alone.of(symbol).code for symbol in ("A=B", "A")] == ["USD", ""]


@pytest.mark.parametrize("text", ["dollars!", "U", "USD,EUR", "A=USD,A=EUR", "A=", "12$"])
def test_what_is_no_currency_or_said_twice_is_refused(text):
    with pytest.raises(UsageError, match="currency"):
        currencies(text)


def test_hundredths_are_of_whole_units():
    assert not {*HUNDREDTHS} & {*HUNDREDTHS.values()}
