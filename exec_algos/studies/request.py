"""`StudyRequest`: a slippage study in plain words, as the command line gives them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from exec_algos.errors import UsageError
from exec_algos.market.trading_time import TradingTime
from exec_algos.model.rules import NO_RULES, Rules
from exec_algos.studies.design.written.form import NO_FORM, OrderForm

if TYPE_CHECKING:
    import os

    from exec_algos.fills import FillModel
    from exec_algos.market.bars import Bars
    from exec_algos.studies.shards.desk import DeskOrders
    from exec_algos.studies.shards.study import ShardedStudy
    from exec_algos.studies.study import SlippageStudy

ADV_DAYS = 5
MOST_FILLS = 5_000_000  # some gigabytes of memory, and half a minute for their report


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which symbols and days of the bars are studied; all of them if nothing is said.

    Parameters
    ----------
    symbols : str, optional
        Comma-separated.
    first, last : str, optional
        Days ``2024-07-01``, both in it; earlier days stay history.
    strata : str, optional
        A sample, by the text form of `exec_algos.studies.design.sampling.Strata.of`.
    """

    symbols: str | None = None
    first: str | None = None
    last: str | None = None
    strata: str | None = None

    def terms(self) -> dict[str, Any]:
        """What a grid takes, where something was said."""
        from exec_algos.studies.design.sampling import Strata

        found: dict[str, Any] = {}
        if self.symbols is not None:
            found["symbols"] = _listed(self.symbols)
        if self.first is not None or self.last is not None:
            found["sessions"] = (self.first, self.last)
        if self.strata is not None:
            found["strata"] = Strata.of(self.strata)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """What to study.

    Parameters
    ----------
    algorithms : str
        Comma-separated.
    sides : str, optional
        ``"buy"``, ``"sell"`` or ``"buy,sell"``; buys if not given.
    size : str
        ``"5%adv"`` or shares; several comma-separated.
    window : str, optional
        ``"09:30-16:00"``, exchange time; several comma-separated.
    chosen : Chosen
    orders : str, optional
        A CSV of a desk's own orders, in place of sides, sizes, windows and what was chosen; see `ParentOrders.from_frame`.
    keep : str
        Its other columns to carry into the result, comma-separated.
    form : OrderForm
        How its orders are written.
    encoding : str, optional
        Of that file.
    calendar : str, optional
    max_participation : float, optional
        Fraction.
    price : str
        Price rule of the fill model.
    latency : float
        Seconds.
    interval : float, optional
        Seconds between decisions, of algorithms whose text names none; each keeps its own if not given.
    commission : tuple of float
        Fraction of value, currency per share, least currency per child.
    spread_bps : float
        The full spread; a market order pays half of it.
    spread : str, optional
        Any spread by its text form, in place of `spread_bps`; see `exec_algos.fills.parsing.parse_spread`.
    impact : float or str
        Coefficient of the square-root impact, a fraction of the price; or any law by its text form
        (`exec_algos.fills.parsing.parse_impact`).
    preset : str, optional
        A market by its text form (`exec_algos.fills.parsing.parse_preset`): its fill model, fees by date and lot. What is given besides
        takes the place of the preset's; but commissions are said in the preset.
    profile_days : int, optional
        Earlier sessions, for ADV and for algorithms whose text names none. If not given it is 5 for ADV, and each algorithm keeps
        its own: a model of the volume needs more sessions than a mean.
    lot_size : float
        Shares.
    rules : Rules
        Of every parent order: sizes of children in shares, residual policy.
    driver : str
        ``"batch"`` or ``"engine"``.
    fills : bool, optional
        Keep single trades; if not said, always in shards, and in memory where there are at most `MOST_FILLS`.
    splits : str, optional
        A CSV of splits (date, symbol, ratio) to adjust by: `exec_algos.market.splits.Splits`.
    quote_proxy : str, optional
        What stands in where the bars have no quotes: `exec_algos.market.depth.with_quote_proxy`.
    limits : str
        From where on bars are odd: `exec_algos.market.quality.limits.Limits.of`.
    """

    algorithms: str = "twap,vwap"
    sides: str | None = None
    size: str = "5%adv"
    window: str | None = None
    chosen: Chosen = Chosen()
    orders: str | None = None
    keep: str = ""
    form: OrderForm = NO_FORM
    encoding: str | None = None
    calendar: str | None = None
    max_participation: float | None = None
    price: Any = "open"
    latency: float = 0.0
    commission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread_bps: float = 0.0
    spread: str | None = None
    impact: float | str = 0.0
    preset: str | None = None
    profile_days: int | None = None
    interval: float | None = None
    lot_size: float = 1.0
    rules: Rules = NO_RULES
    driver: Any = "batch"
    fills: bool | None = None
    splits: str | None = None
    quote_proxy: str | None = None
    limits: str = ""

    def __post_init__(self) -> None:
        if self.orders is not None and not self.orders.strip():
            raise UsageError("orders names no file; give a CSV of orders, or leave it out")

    def study(self, bars: Bars) -> SlippageStudy:
        """The study of these bars.

        Raises
        ------
        UsageError
            A part that cannot be.
        """
        from exec_algos.market.depth import with_quote_proxy
        from exec_algos.market.quality.limits import Limits
        from exec_algos.studies.design.parents import ParentOrders
        from exec_algos.studies.study import SlippageStudy

        limits = Limits.of(self.limits)
        if self.splits is not None:
            bars = bars.adjusted(self.splits)
        if self.quote_proxy is not None:
            bars = with_quote_proxy(bars, self.quote_proxy)
        if self.orders is None:
            parents = ParentOrders.grid(bars, **self.terms())
        else:
            parents = ParentOrders.from_csv(self.orders, bars, **self._own_terms())
        return SlippageStudy(bars, parents, self.chosen_algorithms(), self.fill_model(), self.rules, limits)

    def sharded(self, store: str | os.PathLike[str]) -> ShardedStudy:
        """The study of a whole store, in shards.

        Raises
        ------
        UsageError
            A part that cannot be, or a store that holds nothing.
        """
        from exec_algos.market.quality.limits import Limits
        from exec_algos.market.splits import Splits
        from exec_algos.studies.design.parents import Grid
        from exec_algos.studies.shards.partitions import Partitions, listing_of
        from exec_algos.studies.shards.study import ShardedStudy

        partitions = Partitions(store)
        listing_of(partitions)
        return ShardedStudy(
            store=partitions.path, parents=Grid(**self.terms()) if self.orders is None else self.desk(),
            algorithms=self.chosen_algorithms(), fill_model=self.fill_model(), rules=self.rules, driver=self.driver,
            fills=self.fills is not False, splits=Splits.of(self.splits), quote_proxy=self.quote_proxy, limits=Limits.of(self.limits),
        )  # fmt: skip

    def keeps_fills(self, study: SlippageStudy) -> bool:
        """Whether a study in memory keeps single trades."""
        return most_fills(study) <= MOST_FILLS if self.fills is None else self.fills

    @property
    def adv_days(self) -> int:
        """Earlier sessions that ADV is taken from."""
        return ADV_DAYS if self.profile_days is None else self.profile_days

    def terms(self) -> dict[str, Any]:
        """What `ParentOrders.grid` takes besides the bars.

        Raises
        ------
        UsageError
            Columns to keep, of which a grid has none.
        """
        if self.keep:
            raise UsageError(f"keep {self.keep!r} names columns of a file of orders; give orders too")
        sizes, windows = _listed(self.size), _listed(self.window or "")
        sides = _listed("buy" if self.sides is None else self.sides)
        return {
            "calendar": self.calendar, "sides": sides, "size": sizes[0] if len(sizes) == 1 else sizes,
            "window": None if not windows else windows[0] if len(windows) == 1 else windows,
            "profile_days": self.adv_days, "lot_size": self.lot(), **self.chosen.terms(),
        }  # fmt: skip

    def desk(self) -> DeskOrders:
        """The desk's own orders, for a study in shards.

        Raises
        ------
        UsageError
            Something besides that a file of orders says itself.
        """
        from exec_algos.studies.shards.desk import DeskOrders

        return DeskOrders(source=self.orders or "", **self._own_terms())

    def _own_terms(self) -> dict[str, Any]:
        """What is said of a file of orders: they have a side, size and window each."""
        plain = StudyRequest()
        said = [name for name in ("sides", "size", "window") if getattr(self, name) != getattr(plain, name)]
        said += [field.name for field in fields(Chosen) if getattr(self.chosen, field.name) is not None]
        if said:
            raise UsageError(f"each order of {self.orders} says what it is; leave out {', '.join(said)}, or the file of orders")
        own = {"calendar": self.calendar, "lot_size": self.lot(), "profile_days": self.adv_days}
        form = {name: getattr(self.form, name) for name in ("columns", "sides", "decimal", "date_format")}
        return {**own, "keep": _listed(self.keep), "encoding": self.encoding, **form}

    def chosen_algorithms(self) -> list[Any]:
        """The algorithms, with the days and the interval that were asked for."""
        return [self._algorithm(text) for text in _split(self.algorithms)]

    def fill_model(self) -> FillModel:
        """How the study's orders fill, and what they are charged.

        Raises
        ------
        UsageError
            Two spreads, a commission beside a preset, or a value that cannot be.
        """
        from exec_algos.costs import Commission
        from exec_algos.fills import FillModel
        from exec_algos.fills.parsing import parse_preset

        commission, costs = Commission(*self.commission), {**self._spread(), **self._impact()}
        if self.preset is None:
            return FillModel(
                price=self.price, max_participation=self.max_participation, latency=self.latency, commission=commission, **costs
            )
        if commission != Commission():
            raise UsageError(f"the preset {self.preset} has its own fees; say the broker's rate in it: krx_equity:commission=0.00015")
        own = {"price": self.price != "open", "max_participation": self.max_participation is not None, "latency": self.latency > 0}
        given = {name: getattr(self, name) for name, said in own.items() if said}
        return replace(parse_preset(self.preset).fill_model, **given, **costs)

    def _spread(self) -> dict[str, Any]:
        from exec_algos.costs import FixedSpread
        from exec_algos.fills.parsing import parse_spread

        if self.spread is not None and self.spread_bps:
            raise UsageError(f"one spread is enough: say either spread {self.spread!r} or {self.spread_bps:g} bps")
        if self.spread is not None:
            return {"spread": parse_spread(self.spread)}
        return {"spread": FixedSpread(self.spread_bps)} if self.spread_bps else {}

    def _impact(self) -> dict[str, Any]:
        from exec_algos.fills.parsing import parse_impact

        return {"impact": parse_impact(str(self.impact))} if self.impact else {}

    def lot(self) -> float:
        """Shares in a lot: as given, else as the preset has it."""
        from exec_algos.fills.parsing import parse_preset

        lot = parse_preset(self.preset).lot_size if self.preset is not None and self.lot_size == 1.0 else self.lot_size
        return int(lot) if lot == int(lot) else lot

    def _algorithm(self, text: str) -> Any:
        from exec_algos.studies.run.custom import algorithm_of

        algorithm, asked = algorithm_of(text), {"profile_days": self.profile_days, "slice_interval_seconds": self.interval}
        own = {field.name for field in fields(algorithm)}
        given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None and key in own and key not in text}
        return replace(algorithm, **given)


def most_fills(study: SlippageStudy) -> int:
    """As many single trades as a study can have: one for each algorithm and bar of each window."""
    time = TradingTime.of(study.parents.sessions, study.bars.step)
    lengths = (time.elapsed(study.parents.end) - time.elapsed(study.parents.start)) // study.bars.step
    return int(lengths.sum()) * len(study.algorithms)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split(text: str) -> list[str]:
    """Parts between commas, but not at the commas within an algorithm's parameters (``vwap:a=1,b=2``)."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and "=" in piece and ":" not in piece:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return [part.strip() for part in parts if part.strip()]
