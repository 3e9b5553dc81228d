"""Markets with their costs: Korean and US equities, crypto, and none at all; each says what it assumes.

A preset is a start, not a measurement: spread and impact are round numbers, fees are published rates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from exec_algos.costs.commission import Commission
from exec_algos.costs.fees import DOWN, NEAREST, UNCAPPED_FEE, UP, FeeComponent, FeeSchedule, FeeTerms, Liquidity, Period, SideName, always
from exec_algos.costs.impact import AlmgrenImpact, SquareRootImpact, TransientImpact
from exec_algos.costs.spread import FixedSpread, Spread
from exec_algos.costs.ticks import KRX_MARKETS, US_EQUITY, PriceLimit, TickTable, krx_ticks
from exec_algos.errors import UnknownNameError
from exec_algos.fills.model import FillModel

STOCK_TAX = (  # first trade date; KOSPI with its agricultural special tax of 0.0015, KOSDAQ without one
    (date(2020, 12, 29), 0.0023),
    (date(2022, 12, 28), 0.0020),
    (date(2023, 12, 27), 0.0018),
    (date(2024, 12, 27), 0.0015),
    (date(2025, 12, 29), 0.0020),
)
OTHER_TAX = {"KONEX": 0.0010, "ETF": 0.0}
KRX_TAX_KNOWN_TO = date(2026, 12, 28)
KRX_TAX_SOURCE = (
    "Enforcement Decree of the Securities Transaction Tax Act; a rate holds from the first trade that settles (two sessions later) "
    "in its year, which for 2026 is counted from the calendar: 2025-12-29"
)

SECTION_31 = (  # first charge date, dollars per million dollars sold
    (date(2017, 7, 4), 23.10),
    (date(2018, 5, 22), 13.00),
    (date(2019, 4, 16), 20.70),
    (date(2020, 2, 18), 22.10),
    (date(2021, 2, 25), 5.10),
    (date(2022, 5, 14), 22.90),
    (date(2023, 2, 27), 8.00),
    (date(2024, 5, 22), 27.80),
    (date(2025, 5, 14), 0.00),
    (date(2026, 4, 4), 20.60),
)
TRADING_ACTIVITY = (  # first trade date, dollars a share sold, most a trade
    (date(2012, 7, 1), 0.000119, 5.95),
    (date(2022, 1, 1), 0.000130, 6.49),
    (date(2023, 1, 1), 0.000145, 7.27),
    (date(2024, 1, 1), 0.000166, 8.30),
    (date(2026, 1, 1), 0.000195, 9.79),
    (date(2026, 10, 1), 0.0, UNCAPPED_FEE),  # a pause of three months
)
US_KNOWN_TO = date(2026, 12, 31)
SECTION_31_SOURCE = "SEC fee rate advisories 2017 to 2026 under Section 31 of the Exchange Act"
TRADING_ACTIVITY_SOURCE = "FINRA By-Laws Schedule A Section 1; SR-FINRA-2020-032, SR-FINRA-2024-019, and the pause of SR-FINRA-2026-021"

Impact = SquareRootImpact | AlmgrenImpact | TransientImpact

KRX_COMMISSION, US_COMMISSION = Commission(rate=0.000140527), Commission(per_share=0.005)
KRX_SPREAD, US_SPREAD, CRYPTO_SPREAD = FixedSpread(10.0), FixedSpread(3.0), FixedSpread(2.0)
KRX_IMPACT, US_IMPACT, CRYPTO_IMPACT = SquareRootImpact(0.0013), SquareRootImpact(0.0008), SquareRootImpact(0.0008)


EXPECTED = "not rounded to a tick: spread and impact are what is expected; dataclasses.replace(fill_model, ticks=preset.ticks) rounds"


@dataclass(frozen=True, slots=True)
class Preset:
    """A market: how orders fill in it, what it charges, and which prices it takes.

    Parameters
    ----------
    name : str
    fill_model : FillModel
        Price rule, spread, impact, cap, latency, and as its ``commission`` the whole schedule `fees`: backtests, studies and the
        backtrader plug-in charge it by side, trade date and liquidity.
    fees : FeeSchedule
        Everything charged: the broker's commission, and taxes and regulatory fees.
    ticks : TickTable, optional
        None: any price.
    price_limit : PriceLimit, optional
        None: no daily limits.
    lot_size : float
        Shares.
    assumptions : tuple of str
        What the numbers rest on, and what is left out.
    """

    name: str
    fill_model: FillModel
    fees: FeeSchedule
    ticks: TickTable | None = None
    price_limit: PriceLimit | None = None
    lot_size: float = 1.0
    assumptions: tuple[str, ...] = ()

    def fee(self, side: SideName, shares: float, value: float, day: date | str, liquidity: Liquidity = "taker") -> float:
        """What a child order pays; see `FeeSchedule.fee`."""
        return self.fees.fee(side, shares, value, day, liquidity)

    def describe(self) -> str:
        """Every assumption with its source, one line each."""
        model = self.fill_model
        cap = "none" if model.max_participation is None else f"{model.max_participation:.6g} of a bar's volume"
        limit = "none" if self.price_limit is None else f"{self.price_limit.fraction:.6g} about the previous close, on ticks"
        lines = [
            f"preset {self.name}",
            f"price of a market order: the bar's {model.price}",
            f"spread: {model.spread or 'none'}",
            f"impact: {model.impact or 'none'}",
            f"participation cap: {cap}",
            f"latency: {f'{model.latency:g} s' if isinstance(model.latency, float | int) else model.latency}",
            f"limit orders fill when the bar goes: {model.limit_fill}",
            f"lot: {self.lot_size:g}",
            f"ticks: {self.ticks.describe() if self.ticks else 'none'}",
            f"fills: {'rounded to a tick, against the order' if model.ticks else EXPECTED}",
            f"daily price limit: {limit}",
            f"fees: {self.fees.describe()}",
            *(f"assumed: {assumption}" for assumption in self.assumptions),
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.describe()


def _periods(starts: list[date], terms: list[FeeTerms], last: date) -> tuple[Period, ...]:
    """Periods that each end on the day before the next starts."""
    ends = [*(date.fromordinal(start.toordinal() - 1) for start in starts[1:]), last]
    return tuple(Period(*row) for row in zip(starts, ends, terms, strict=True))


def _commission(commission: Commission) -> FeeComponent:
    return always("commission", FeeTerms(*commission.checked()), source="the broker's; yours may differ")


def krx_tax(market: str = "KOSPI") -> FeeComponent:
    """Korean securities transaction tax, paid by sellers, by market and trade date.

    Parameters
    ----------
    market : {"KOSPI", "KOSDAQ", "KONEX", "ETF"}
        KOSPI with its agricultural special tax of 0.15 %. ETF and ETN are exempt.

    Returns
    -------
    FeeComponent
        In whole won, the rest dropped. The drop is taken from each child; a broker may take it from the day's total, which
        is less than 1 won a child apart.

    Raises
    ------
    UnknownNameError
        Another market.

    Notes
    -----
    KOSPI and KOSDAQ: 0.23 % from 2020-12-29, 0.20 % from 2022-12-28, 0.18 % from 2023-12-27, 0.15 % from 2024-12-27 and
    0.20 % from 2025-12-29, all by trade date; KONEX 0.10 % throughout. The law counts the day of settlement, two sessions
    after the trade; brokers' notices give 2024-12-27 for 2025.

    References
    ----------
    Enforcement Decree of the Securities Transaction Tax Act; Hanyang Securities, notice of 2024-12-26; Ministry of Economy
    and Finance, press release of 2025-12-01.
    """
    if market not in KRX_MARKETS:
        raise UnknownNameError("market", market, KRX_MARKETS)
    terms = [FeeTerms(rate=OTHER_TAX.get(market, rate), unit=1.0, rounding=DOWN) for _, rate in STOCK_TAX]
    periods = _periods([day for day, _ in STOCK_TAX], terms, KRX_TAX_KNOWN_TO)
    return FeeComponent(f"securities transaction tax ({market})", periods, ("SELL",), KRX_TAX_SOURCE, tax=True)


def sec_fee(unit: float = 0.0) -> FeeComponent:
    """The SEC's Section 31 fee as brokers pass it to sellers, by trade date.

    Parameters
    ----------
    unit : float
        Smallest amount charged, the rest charged as a whole unit: 0.01 as many brokers do; 0: not rounded.

    Notes
    -----
    Dollars per million sold: 23.10 from 2017-07-04, 13.00 from 2018-05-22, 20.70 from 2019-04-16, 22.10 from 2020-02-18,
    5.10 from 2021-02-25, 22.90 from 2022-05-14, 8.00 from 2023-02-27, 27.80 from 2024-05-22, 0 from 2025-05-14, 20.60
    from 2026-04-04. The table ends with 2026: the rate changes 60 days after the next appropriation.

    References
    ----------
    SEC, fee rate advisories; FINRA Information Notices of 2018-05-07, 2020-02-03 and 2025-04-24; Releases 34-96724,
    34-99973 and 34-104909.
    """
    terms = [FeeTerms(rate=dollars / 1e6, unit=unit, rounding=UP if unit else NEAREST) for _, dollars in SECTION_31]
    periods = _periods([day for day, _ in SECTION_31], terms, US_KNOWN_TO)
    return FeeComponent("SEC Section 31 fee", periods, ("SELL",), SECTION_31_SOURCE, tax=True)


def taf_fee(unit: float = 0.0) -> FeeComponent:
    """FINRA's Trading Activity Fee on covered equity securities as brokers pass it to sellers, by trade date.

    Parameters
    ----------
    unit : float
        As in `sec_fee`.

    Notes
    -----
    Dollars a share sold, and at most a trade (here: a child order): 0.000119 and 5.95 from 2012-07-01, 0.000130 and 6.49
    from 2022, 0.000145 and 7.27 from 2023, 0.000166 and 8.30 from 2024, 0.000195 and 9.79 from 2026; paused from
    2026-10-01 to 2026-12-31. Filings differ on 2027, so the table ends with 2026. Brokers need not pass a pause on.

    References
    ----------
    FINRA By-Laws, Schedule A, Section 1; Regulatory Notice 12-31; SR-FINRA-2020-032; SR-FINRA-2024-019 (Release
    34-101696); SR-FINRA-2026-021 (Release 34-106409).
    """
    terms = [FeeTerms(0.0, rate, 0.0, most, unit, UP if unit else NEAREST) for _, rate, most in TRADING_ACTIVITY]
    starts = [row[0] for row in TRADING_ACTIVITY]
    return FeeComponent("FINRA Trading Activity Fee", _periods(starts, terms, US_KNOWN_TO), ("SELL",), TRADING_ACTIVITY_SOURCE, tax=True)


def krx_equity(
    market: str = "KOSPI",
    *,
    commission: Commission = KRX_COMMISSION,
    spread: Spread | None = KRX_SPREAD,
    impact: Impact | None = KRX_IMPACT,
    max_participation: float | None = 0.1,
) -> Preset:
    """Korean equities: tax on sales by market and date, the ticks of 2023, limits of 30 % about the previous close.

    Parameters
    ----------
    market : {"KOSPI", "KOSDAQ", "KONEX", "ETF"}
    commission : Commission
        Of the broker, both sides.
    spread, impact, max_participation
        See `FillModel`: any spread and any law, or None.

    Raises
    ------
    UnknownNameError
        Another market.
    UsageError
        A value out of range.
    """
    fees = FeeSchedule(f"KRX {market}", "KRW", (_commission(commission), krx_tax(market)))
    limit = PriceLimit(0.15 if market == "KONEX" else 0.30, krx_ticks(market))
    model = FillModel(
        max_participation=max_participation, commission=fees, limit_fill="through", spread=spread, impact=impact, price_limit=limit
    )
    return Preset(
        f"krx_equity({market})",
        model,
        fees,
        krx_ticks(market),
        limit,
        assumptions=(
            "default commission: an online account at Korea Investment & Securities, 1.40527 bps; unverified, and lower by arrangement",
            "default spread: about one tick of a liquid stock (5 to 20 bps by price)",
            "default impact: for one-minute bars, daily volatility of 2.5 % over sqrt(381) minutes, Y = 1",
            "latency 0: with bars, any latency above it costs a whole bar",
            "ticks of today at every date; krx_ticks(market, day) gives those of another",
            "no volatility interruptions (VI), no short-sale rules, no first day of a listing, no liquidation trading",
        ),
    )


def us_equity(
    *,
    commission: Commission = US_COMMISSION,
    whole_cents: bool = False,
    spread: Spread | None = US_SPREAD,
    impact: Impact | None = US_IMPACT,
    max_participation: float | None = 0.1,
) -> Preset:
    """US equities: a commission a share, SEC and TAF fees on sales by date, ticks of a cent, no daily limits.

    Parameters
    ----------
    commission : Commission
        Of the broker, both sides; ``Commission()`` for one that takes none.
    whole_cents : bool
        Each regulatory fee is rounded up to the cent, for each child order.
    spread, impact, max_participation
        See `FillModel`: any spread and any law, or None.

    Raises
    ------
    UsageError
        A value out of range.
    """
    unit = 0.01 if whole_cents else 0.0
    fees = FeeSchedule("US equities", "USD", (_commission(commission), sec_fee(unit), taf_fee(unit)))
    model = FillModel(max_participation=max_participation, commission=fees, limit_fill="through", spread=spread, impact=impact)
    return Preset(
        "us_equity",
        model,
        fees,
        US_EQUITY,
        assumptions=(
            "default commission: 0.005 dollars a share, a common direct-access rate, without its minimum an order",
            "default spread and impact: a large stock; for one-minute bars, daily volatility of 1.5 % over sqrt(390) minutes, Y = 1",
            "latency 0: with bars, any latency above it costs a whole bar",
            "no price limits: limit-up limit-down bands and trading halts are not modelled",
            "no exchange fees or rebates, no CAT fee, no short-sale rules (Rule 201)",
        ),
    )


def crypto(
    *,
    taker: float = 0.001,
    maker: float = 0.001,
    tick: float = 0.01,
    lot_size: float = 1e-5,
    spread: Spread | None = CRYPTO_SPREAD,
    impact: Impact | None = CRYPTO_IMPACT,
) -> Preset:
    """Spot crypto on one exchange: taker and maker fees, one tick, fractional lots, no daily limits.

    Parameters
    ----------
    taker, maker : float
        Fraction of the value traded: 0.001 is 10 bps.
    tick : float
        Currency.
    lot_size : float
        Coins.
    spread, impact
        See `FillModel`: any spread and any law, or None. The cap is 5 % of a bar's volume.

    Raises
    ------
    UsageError
        A value out of range.
    """
    fees = FeeSchedule(
        "crypto",
        "quote currency",
        (always("trading fee", FeeTerms(rate=taker), FeeTerms(rate=maker), "default: Binance spot, regular user"),),
    )
    model = FillModel(max_participation=0.05, commission=fees, limit_fill="through", spread=spread, impact=impact)
    return Preset(
        "crypto",
        model,
        fees,
        TickTable("one pair", (0.0,), (tick,)),
        lot_size=lot_size,
        assumptions=(
            "a limit order that waited in a bar pays the maker's fee, every other the taker's",
            "fees in the quote currency, no rebates, no discount tokens",
            "default spread and impact: a major pair; for one-minute bars, daily volatility of 3 % over sqrt(1440) minutes, Y = 1",
            "latency 0: with bars, any latency above it costs a whole bar",
            "one exchange, its volume only; no funding, no transfer costs",
        ),
    )


def frictionless() -> Preset:
    """No spread, no impact, no fees, no cap: what an execution costs by its timing alone."""
    fees = FeeSchedule("none", "any")
    return Preset("frictionless", FillModel(commission=fees), fees, assumptions=("any size fills at the bar's open, for nothing",))


SUITED = {"XKRX": "krx_equity", "XNYS": "us_equity", "XNAS": "us_equity", "24/7": "crypto"}  # to a calendar


def preset_for(calendar: str | None) -> str:
    """The name of the preset that suits a calendar; empty where none does."""
    return SUITED.get(re.split("[+@-]", calendar or "")[0], "")
