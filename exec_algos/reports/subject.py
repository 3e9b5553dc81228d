"""`Subject`: what a page is about, a study and the currency that its prices are in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats
from exec_algos.market.currencies import Currencies, currencies
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.table import COLUMNS
from exec_algos.tca.twins import BUYS_ONLY

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.result import StudyResult

PRICES = {"interval_vwap": "interval_vwap", "arrival": "arrival_price", "interval_twap": "interval_twap", "session_vwap": "session_vwap"}


@dataclass(frozen=True, eq=False)
class Subject:
    """A study as the page shows it.

    Attributes
    ----------
    result : StudyResult
    currencies : Currencies
        Of its symbols.
    by : tuple of str
        What costs were asked for by.
    """

    result: StudyResult
    currencies: Currencies
    by: tuple[str, ...] = ()

    @classmethod
    def of(cls, result: StudyResult, *, currency: str | None = None, by: Sequence[str] = ()) -> Subject:
        """A study, its money in the currency that is named, else in that of its fees or its exchange.

        Raises
        ------
        UsageError
            A currency that is none, or that of a symbol which the study has not.
        """
        config = result.config
        fees = config["fill_model"]["commission"].get("currency")
        found = currencies(currency, fees=fees, calendar=config["calendar"])
        found.check(config["symbols"])
        return cls(result, found, tuple(by))

    @property
    def config(self) -> dict[str, Any]:
        """That of the study."""
        return self.result.config

    @property
    def algorithms(self) -> list[str]:
        """In the sequence in which they were named; own fills come first."""
        return list(self.config["algorithms"])

    @cached_property
    def shown(self) -> pd.DataFrame:
        """A row for each parent order and algorithm; where each order has a twin of the other side, of the buys."""
        parents = self.result.parents
        return parents[parents["side"] == "BUY"] if self.result.has_twins() else parents

    @property
    def note(self) -> str:
        """Why the sells are not counted; empty where they are."""
        return BUYS_ONLY if self.result.has_twins() else ""

    @property
    def kept(self) -> list[str]:
        """Columns of texts that came with a desk's orders."""
        known = {*COLUMNS, "order_id", "window", "window_asked", "cluster"}
        parents = self.result.parents
        return [name for name in parents.columns if name not in known and parents[name].dtype.kind not in "fiuM"]

    def rows(self, algorithm: str) -> pd.DataFrame:
        """The shown orders of one algorithm."""
        return self.shown[self.shown["algorithm"] == algorithm]

    def money(self, rows: pd.DataFrame, benchmark: str) -> dict[str, float]:
        """What rows of parents cost against a benchmark in each currency: ``sum(side (average - benchmark) filled)``.

        Orders without a price are left out.
        """
        cost = rows[BENCHMARKS[benchmark]].to_numpy(np.float64) / 1e4 * rows[PRICES[benchmark]].to_numpy(np.float64)
        return self.summed(rows["symbol"], cost * rows["filled"].to_numpy(np.float64))

    def traded(self, rows: pd.DataFrame) -> dict[str, float]:
        """Value of what was filled, in each currency."""
        return self.summed(rows["symbol"], (rows["filled"] * rows["average_price"]).where(rows["filled"] != 0, 0.0).to_numpy(np.float64))

    def fees(self, rows: pd.DataFrame) -> dict[str, float]:
        """Fees that were charged, in each currency."""
        return self.summed(rows["symbol"], rows["commission"].to_numpy(np.float64))

    def summed(self, symbols: pd.Series, amounts: Floats) -> dict[str, float]:
        """Amounts in units of price by currency; NaN amounts are left out, and where there are no others the sum is NaN.

        Where no currency is known units of price of several symbols may be of several, and are not added: nothing is returned.
        """
        found: dict[str, float] = {}
        names = symbols.to_numpy()
        for symbol in dict.fromkeys(names):
            currency, own = self.currencies.of(symbol), amounts[names == symbol]
            known = float(np.nansum(own)) * currency.per_price if np.isfinite(own).any() else math.nan
            before = found.get(currency.code, math.nan)
            found[currency.code] = known if math.isnan(before) else before if math.isnan(known) else before + known
        unknown = sum(not self.currencies.of(symbol).code for symbol in dict.fromkeys(names))
        return {code: amount for code, amount in found.items() if code or unknown == 1}

    @cached_property
    def unsummed(self) -> list[str]:
        """Symbols whose units of price are added to nothing: their currency is not known, and they are several."""
        unknown = [symbol for symbol in self.shown["symbol"].unique() if not self.currencies.of(symbol).code]
        return unknown if len(unknown) > 1 else []

    @cached_property
    def named(self) -> list[str]:
        """What the shown orders are paid in, in their sequence: currencies, and units of price where one is not known."""
        return list(dict.fromkeys(self.currencies.of(symbol).named for symbol in self.shown["symbol"].unique()))

    @cached_property
    def one_currency(self) -> str:
        """The currency of all shown orders; empty where there are several, or where it is not known."""
        codes = {self.currencies.of(symbol).code for symbol in self.shown["symbol"].unique()}
        return codes.pop() if len(codes) == 1 else ""
