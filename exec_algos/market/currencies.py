"""The currency that prices are in: what a caller says, else what an exchange quotes in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.corrections import EXTENDED, split

# By calendar. One of several currencies (24/7, 24/5) or of contracts with a multiplier (CMES, IEPA, us_futures, XCBF, XEUR, XEEE) has none.
EXCHANGES: Mapping[str, str] = MappingProxyType({
    "AIXK": "USD", "ASEX": "EUR", "BVMF": "BRL", "XAMS": "EUR", "XASX": "AUD", "XBDA": "BMD", "XBEL": "RSD", "XBKK": "THB", "XBOG": "COP",
    "XBOM": "INR", "XBRA": "EUR", "XBRU": "EUR", "XBSE": "RON", "XBUD": "HUF", "XBUE": "ARS", "XCSE": "DKK", "XCYS": "EUR", "XDUB": "EUR",
    "XDUS": "EUR", "XETR": "EUR", "XFRA": "EUR", "XHAM": "EUR", "XHEL": "EUR", "XHKG": "HKD", "XICE": "ISK", "XIDX": "IDR", "XIST": "TRY",
    "XJSE": "ZAC", "XKAR": "PKR", "XKLS": "MYR", "XKRX": "KRW", "XLIM": "PEN", "XLIS": "EUR", "XLIT": "EUR", "XLJU": "EUR", "XLON": "GBX",
    "XLUX": "EUR", "XMAD": "EUR", "XMEX": "MXN", "XMIL": "EUR", "XMOS": "RUB", "XNYS": "USD", "XNZE": "NZD", "XOSL": "NOK", "XPAR": "EUR",
    "XPHS": "PHP", "XPRA": "CZK", "XRIS": "EUR", "XSAU": "SAR", "XSES": "SGD", "XSGO": "CLP", "XSHG": "CNY", "XSTO": "SEK", "XSTU": "EUR",
    "XSWX": "CHF", "XTAE": "ILA", "XTAI": "TWD", "XTAL": "EUR", "XTKS": "JPY", "XTSE": "CAD", "XWAR": "PLN", "XWBO": "EUR", "XZAG": "EUR",
})  # fmt: skip
# Quotes in hundredths: the unit that is quoted, the one that money is counted in.
HUNDREDTHS: Mapping[str, str] = MappingProxyType({"GBX": "GBP", "ZAC": "ZAR", "ILA": "ILS", "USX": "USD", "EUX": "EUR"})
CODE = re.compile(r"[A-Z]{3,5}")


@dataclass(frozen=True, slots=True)
class Currency:
    """What a price of 1 is worth.

    Parameters
    ----------
    code : str
        In which money is counted, such as ``"GBP"``; empty where nobody said, and money is in units of price.
    per_price : float
        Of it in a price of 1: 0.01 where prices are in pence.
    source : str
        Who said so, in words.
    """

    code: str
    per_price: float = 1.0
    source: str = ""

    @property
    def named(self) -> str:
        """The code, or what stands in its place."""
        return self.code or "units of price"


@dataclass(frozen=True, slots=True)
class Currencies:
    """The currency of each symbol.

    Parameters
    ----------
    of_all : Currency
        Of each symbol that has none of its own.
    of_symbol : mapping of str to Currency
    """

    of_all: Currency
    of_symbol: Mapping[str, Currency] = field(default_factory=dict)

    def of(self, symbol: str) -> Currency:
        """That of a symbol."""
        return self.of_symbol.get(symbol, self.of_all)

    def check(self, symbols: Iterable[str]) -> None:
        """Refuse the currency of a symbol that is not there: that of another would not be said.

        Raises
        ------
        UnknownNameError
        """
        known = list(symbols)
        for symbol in self.of_symbol:
            if symbol not in known:
                raise UnknownNameError("symbol of the currency", symbol, known)


def currencies(text: str | None = None, *, fees: str | None = None, calendar: str | None = None) -> Currencies:
    """What the prices of a study are in.

    Parameters
    ----------
    text : str, optional
        ``"USD"``; ``"GBX"`` where prices are in pence; ``"BTC-USD=USD,BTC-EUR=EUR"`` by symbol, with one without a symbol for the others.
    fees : str, optional
        Currency of the fee schedule that was charged.
    calendar : str, optional
        Its exchange's currency, where neither of the others says one.

    Raises
    ------
    UsageError
        A code that is none, or a symbol that is named twice.

    Examples
    --------
    >>> currencies(calendar="XLON").of("VOD")
    Currency(code='GBP', per_price=0.01, source='XLON quotes in GBX, hundredths of GBP')
    >>> currencies("BTC-EUR=EUR,USD").of("BTC-EUR").code, currencies("BTC-EUR=EUR,USD").of("ETH").code
    ('EUR', 'USD')
    """
    own: dict[str, Currency] = {}
    of_all: Currency | None = None
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        symbol, equals, code = part.rpartition("=")
        if symbol in own or (not equals and of_all is not None):
            raise UsageError(f"currency {text!r} names {symbol or 'the currency of all'} twice; say it once")
        if equals:
            own[symbol.strip()] = _currency(code, "prices are said to be in")
        else:
            of_all = _currency(code, "prices are said to be in")
    return Currencies(of_all or _usual(fees, calendar), own)


def _currency(code: str, prices: str) -> Currency:
    known = code.strip().upper()
    if not CODE.fullmatch(known):
        raise UsageError(f"currency must be a code of 3 to 5 letters such as USD, got {code.strip()!r}")
    whole = HUNDREDTHS.get(known)
    return Currency(known, 1.0, f"{prices} {known}") if whole is None else Currency(whole, 0.01, f"{prices} {known}, hundredths of {whole}")


def _usual(fees: str | None, calendar: str | None) -> Currency:
    name = EXTENDED.sub("", split(calendar)[0]) if calendar else ""
    quoted = EXCHANGES.get(name) or EXCHANGES.get(_whole_name(name), "")
    # a fee schedule may count in pounds what its exchange quotes in pence
    if quoted and fees in {None, "", quoted, HUNDREDTHS.get(quoted)}:
        return _currency(quoted, f"{name} quotes in")
    return _currency(fees, "fees are charged in") if fees else Currency("")


def _whole_name(calendar: str) -> str:
    """``XNYS`` for ``NASDAQ``; a name that is no calendar's stays."""
    from exchange_calendars.calendar_utils import resolve_alias
    from exchange_calendars.errors import InvalidCalendarName

    try:
        return str(resolve_alias(calendar))
    except InvalidCalendarName:
        return calendar
