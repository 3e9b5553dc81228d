"""Who reads quotes that are not there: refused by name of the symbol and the columns, in every place, unless a proxy is named."""

import math
from dataclasses import replace

import numpy as np
import pytest
from markets import DAYS, market, ns
from small_markets import minute_bars

from exec_algos import BacktestEngine, Bars, FillModel, OrderEvent, ParentOrders, Rules, SlippageStudy, Strategy
from exec_algos.algorithms import LiquidityAware, parse_algorithm
from exec_algos.algorithms.sniper import Sniper
from exec_algos.errors import RunError, UnknownNameError, UsageError
from exec_algos.executors import AlgorithmExecutor
from exec_algos.market.bars import QUOTES
from exec_algos.market.depth import check_quotes, quotes_of, with_quote_proxy

NAN = math.nan
BARE = replace(market(4), quote_proxy=None)
HALF_HOUR = {"slice_interval_seconds": 1800}
READERS = [
    (LiquidityAware(**HALF_HOUR), Rules(), r"liquidity_aware:slice_interval_seconds=1800 reads bid_size, ask_size, and"),
    (Sniper(**HALF_HOUR), Rules(limit_price=20), r"sniper:slice_interval_seconds=1800 reads bid, ask, bid_size, ask_size, and"),
    ("twap:slice_interval_seconds=1800", Rules(style="touch"), "style touch reads bid, ask, and"),
    ("twap:slice_interval_seconds=1800", Rules(style="peg"), "style peg reads bid, ask, and"),
]
DRIVERS = ("batch", "engine")


def orders_of(bars):
    return ParentOrders.grid(bars, calendar="XNYS", size="50", profile_days=1)


def quoted(seed, known=0.7):
    """A random market with a book, unknown in some bars; each column by itself in some of those."""
    bars, rng = replace(market(seed), quote_proxy=None), np.random.default_rng(seed)
    close, n = bars.close, len(bars)
    columns = {
        "bid": close - 0.5 * rng.integers(0, 3, n), "ask": close + 0.5 * rng.integers(0, 3, n),
        "bid_size": rng.integers(0, 300, n).astype(float), "ask_size": rng.integers(0, 300, n).astype(float),
    }  # fmt: skip
    there = rng.random(n) < known
    return replace(bars, quotes={name: np.where(there & (rng.random(n) < 0.9), column, NAN) for name, column in columns.items()})


def test_the_quotes_of_bars_are_their_columns_and_not_known_elsewhere():
    bars = minute_bars([10, 11], bid=[9.0, NAN], bid_size=[7.0, 8.0])
    bid, ask, bid_size, ask_size, sized = quotes_of(bars)
    assert np.array_equal(bid, [9, NAN], equal_nan=True)
    assert np.array_equal(bid_size, [7, 8])
    assert np.isnan(ask).all()
    assert np.isnan(ask_size).all()
    assert sized == 1


def test_by_the_proxy_the_close_and_half_the_volume_stand_where_there_is_no_quote():
    bars = minute_bars([10, 11], bid=[9.0, NAN], bid_size=[7.0, NAN], quote_proxy="close")
    bid, ask, bid_size, ask_size, sized = quotes_of(bars)
    assert (bid.tolist(), ask.tolist()) == ([9, 11], [10, 11])
    assert ((sized * bid_size).tolist(), (sized * ask_size).tolist()) == ([7, 500], [500, 500])


def test_who_reads_nothing_is_never_refused():
    check_quotes(BARE, (), "twap")
    with pytest.raises(UsageError, match="twap reads bid"):
        check_quotes(BARE, ("bid",), "twap")


def test_only_what_is_lacking_is_named_and_the_symbol_that_lacks_it():
    bars = minute_bars([10, 11], bid=9.0, ask=11.0)
    check_quotes(bars, ("bid", "ask"), "peg")
    with pytest.raises(UsageError, match=r"sniper reads ask_size, and the bars of X have none: give bars .*--quote-proxy close"):
        check_quotes(bars, ("bid", "ask", "ask_size"), "sniper")


def test_a_symbol_whose_quotes_are_all_unknown_is_refused_by_name():
    bars = Bars.concat([minute_bars([10, 11], symbol="A", bid=9.0), minute_bars([10, 11], symbol="B", bid=NAN)])
    check_quotes(bars.select(["A"]), ("bid",), "peg")
    with pytest.raises(UsageError, match="peg reads bid, and the bars of B have none"):
        check_quotes(bars, ("bid",), "peg")
    check_quotes(with_quote_proxy(bars, "close"), ("bid",), "peg")


def test_a_symbol_of_several_that_came_without_quotes_is_refused_by_name():
    bars = Bars.concat([minute_bars([10, 11], symbol="A", bid=9.0), minute_bars([10, 11], symbol="B")])
    with pytest.raises(UsageError, match="the bars of B have none"):
        check_quotes(bars, ("bid",), "peg")


def test_another_proxy_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match="unknown quote proxy 'mid': known: close"):
        with_quote_proxy(BARE, "mid")


def test_the_proxy_stays_with_parts_of_the_bars():
    bars = with_quote_proxy(BARE, "close")
    parts = [bars.select(["A"]), bars.take(bars.volume > 100), bars.between(ns(DAYS[0], "09:30"), ns(DAYS[1], "16:00"))]
    assert [part.quote_proxy for part in (*parts, Bars.concat([bars.select([symbol]) for symbol in "AB"]))] == ["close"] * 4


def test_bars_of_different_proxies_do_not_go_together():
    bare, named = BARE.select(["A"]), with_quote_proxy(BARE.select(["B"]), "close")
    for parts in ([bare, named], [named, bare]):
        with pytest.raises(UsageError, match="bars of different quote proxies do not go together: A none, B close; name the proxy after"):
            Bars.concat(parts)
    assert with_quote_proxy(Bars.concat([bare, BARE.select(["B"])]), "close").quote_proxy == "close"


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("algorithm", "rules", "message"), READERS)
def test_a_study_refuses_who_reads_quotes_that_are_not_there(driver, algorithm, rules, message):
    with pytest.raises(UsageError, match=f"{message} the bars of A have none"):
        SlippageStudy(BARE, orders_of(BARE), [algorithm], rules=rules).run(driver)
    bars = with_quote_proxy(BARE, "close")
    if rules.style.name == "market" or driver == "engine":
        result = SlippageStudy(bars, orders_of(bars), [algorithm], rules=rules).run(driver)
        assert result.config["quote_proxy"] == "close"
        assert result.parents["filled"].sum() > 0


def test_a_study_on_quotes_of_its_own_names_no_proxy():
    bars = quoted(4)
    assert "quote_proxy" not in SlippageStudy(bars, orders_of(bars), [LiquidityAware(**HALF_HOUR)]).run().config


@pytest.mark.parametrize(("algorithm", "rules", "message"), READERS)
def test_a_strategy_of_the_engine_is_refused_when_it_sends_such_an_order(algorithm, rules, message):
    class Once(Strategy):
        sent = False

        def on_bar(self, event):
            if event.symbol == "A" and not self.sent:
                self.sent = True
                self.event_queue.put(OrderEvent(symbol="A", quantity=50))

        async def on_order(self, order):
            how = parse_algorithm(algorithm) if isinstance(algorithm, str) else algorithm
            await AlgorithmExecutor(self.broker).execute("A", 50, how, rules=rules)

    with pytest.raises((UsageError, RunError), match=f"{message} the bars of A have none"):
        BacktestEngine(BARE, [Once], calendar="XNYS").run()
    BacktestEngine(with_quote_proxy(BARE, "close"), [Once], calendar="XNYS").run()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("known", [0.1, 0.7])
def test_engine_and_batch_agree_where_some_quotes_are_unknown(seed, known):
    bars = quoted(seed, known)
    orders, model = orders_of(bars), FillModel(max_participation=0.3)
    study = SlippageStudy(bars, orders, [LiquidityAware(fraction=0.4, **HALF_HOUR), Sniper(**HALF_HOUR)], model, Rules(limit_price=20))
    batch, engine = study.run("batch"), study.run("engine")
    assert batch.fills.equals(engine.fills)
    assert batch.parents.equals(engine.parents)


@pytest.mark.parametrize("algorithm", [LiquidityAware(fraction=1.0, **HALF_HOUR), Sniper(fraction=1.0, **HALF_HOUR)], ids=str)
@pytest.mark.parametrize("driver", DRIVERS)
def test_no_child_is_sent_on_a_quote_that_is_not_known(driver, algorithm):
    bars = replace(market(2, missing=0.0, silent=0.0), quote_proxy=None)
    known = np.arange(len(bars)) % 3 == 0
    columns = {"bid": bars.close, "ask": bars.close, "bid_size": bars.volume, "ask_size": bars.volume}
    bars = replace(bars, quotes={name: np.where(known, column, NAN) for name, column in columns.items()})
    rules = Rules(limit_price=1e6)
    orders = ParentOrders.grid(bars, calendar="XNYS", size="100000", profile_days=1)
    fills = SlippageStudy(bars, orders, [algorithm], FillModel(price="open"), rules).run(driver).fills
    assert len(fills) > 10
    for symbol, stamp in zip(fills["symbol"], fills["timestamp"].astype("int64"), strict=True):
        rows = bars.rows(symbol)
        last = int(np.searchsorted(bars.start[rows] + bars.step, stamp, side="right")) - 1  # the bar that had just closed
        assert known[rows][last]


def test_all_quotes_are_columns_of_bars():
    assert set(LiquidityAware.reads) | set(Sniper.reads) == set(QUOTES)
