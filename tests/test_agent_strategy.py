"""Agents inside a backtest, and agents that answer from a record."""

import asyncio
import math
from datetime import time
from functools import partial

import pandas as pd
import pytest
from small_markets import DAYS, MINUTE, at, clock_times, minute_bars

from exec_algos import BacktestEngine, Bars, Commission, FillModel, OrderEvent, SimulatedBroker
from exec_algos.agents import (
    AgentDecision,
    AgentStrategy,
    Mandate,
    RecordedDecision,
    RecordedDecisions,
    RecordingAgent,
    read_decisions,
    write_decisions,
)
from exec_algos.errors import ForeignAwaitError, NotEnoughHistoryError, RunError, UsageError

HOLD = AgentDecision("HOLD", 0)
TWO_MINUTES = Mandate(duration_minutes=2)
PRICES = [10, 10, 10, 12, 12, 12, 15, 15, 15, 15]  # from 09:30 on


class Scripted:
    """Says at each time of day what stands in the script, and notes when it was asked about what and what it saw."""

    def __init__(self, data_handler, script=(), diary=None):
        self.data_handler, self.script, self.diary = data_handler, dict(script), [] if diary is None else diary

    async def analyze(self, ticker):
        now = self.data_handler.timestamp
        self.diary.append((f"{now:%d %H:%M}", ticker, self.data_handler.history(ticker, 1000)))
        return self.script.get(f"{now:%H:%M}", HOLD)


def backtest(bars, agent, *, when=1, mandate=TWO_MINUTES, cash=10_000, **options):
    strategy = partial(AgentStrategy, agent=agent, cash=cash, when=when, mandate=mandate)
    return BacktestEngine(bars, [strategy], initial_cash=cash, **options).run()


def asked(bars, when, **options):
    diary = []
    backtest(bars, partial(Scripted, diary=diary), when=when, **options)
    return [moment for moment, _, _ in diary]


def scripted(**says):
    return partial(Scripted, script={name.replace("at_", "").replace("_", ":"): decision for name, decision in says.items()})


def orders(result):
    return [
        (f"{start:%H:%M}", side, quantity)
        for start, side, quantity in zip(
            *(result.parents[name] for name in ("start", "side", "quantity")),
            strict=True,
        )
    ]


def test_an_agent_buys_and_sells_in_a_backtest():
    result = backtest(minute_bars(PRICES), scripted(at_09_32=AgentDecision("BUY", 0.3), at_09_36=AgentDecision("SELL", 1)))
    assert orders(result) == [("09:32", "BUY", 300), ("09:36", "SELL", 300)]
    assert result.fills["price"].tolist() == [10, 12, 15, 15]
    assert result.fills["quantity"].tolist() == [150] * 4
    assert result.equity["equity"].iloc[-1] == 10_000 - 150 * 10 - 150 * 12 + 300 * 15
    assert set(result.parents["strategy"]) == {"AgentStrategy"}


def test_an_order_is_sized_by_the_equity_of_its_moment():
    result = backtest(minute_bars(PRICES), scripted(at_09_32=AgentDecision("BUY", 0.3), at_09_36=AgentDecision("BUY", 0.5)))
    # 09:36: cash 10,000 - 1,500 - 1,800 = 6,700 and 300 shares at 12 are 10,300; half of it is 429 shares, 129 more than are held
    assert orders(result) == [("09:32", "BUY", 300), ("09:36", "BUY", 129)]


def test_an_agent_may_go_short_where_its_mandate_allows_it():
    short = Mandate(duration_minutes=2, allow_short=True)
    script = scripted(at_09_32=AgentDecision("SELL", 0.3), at_09_36=AgentDecision("BUY", 0))
    assert orders(backtest(minute_bars(PRICES), script, mandate=short)) == [("09:32", "SELL", 300), ("09:36", "BUY", 300)]
    assert orders(backtest(minute_bars(PRICES), script)) == []


def test_the_same_decision_at_every_bar_does_not_pile_up():
    class Stubborn(Scripted):
        async def analyze(self, ticker):
            return AgentDecision("BUY", 0.3)

    assert orders(backtest(minute_bars([10] * 12), Stubborn)) == [("09:31", "BUY", 300)]


def test_the_account_is_kept_from_the_strategys_own_fills_with_their_fees():
    made = []

    def make(event_queue, data_handler):
        agent = scripted(at_09_32=AgentDecision("BUY", 0.3), at_09_36=AgentDecision("SELL", 1))
        made.append(AgentStrategy(event_queue, data_handler, agent=agent, cash=10_000, when=1, mandate=TWO_MINUTES))
        return made[0]

    model = FillModel(commission=Commission(per_share=0.1))
    result = BacktestEngine(minute_bars(PRICES), [make], initial_cash=10_000, fill_model=model).run()
    assert made[0].portfolio.cash == pytest.approx(10_000 - 3300 + 4500 - 600 * 0.1)
    assert made[0].portfolio.cash == pytest.approx(result.equity["cash"].iloc[-1])


def test_before_a_symbols_first_bar_there_is_no_account_to_size_by():
    def make(event_queue, data_handler):
        AgentStrategy(event_queue, data_handler, agent=Scripted, cash=10_000, when=1).account("X")

    with pytest.raises(UsageError, match="X has no completed bar yet"):
        BacktestEngine(minute_bars(PRICES), [make]).run()


def test_two_agents_in_one_backtest_have_an_account_each():
    def one(cash):
        return partial(AgentStrategy, agent=scripted(at_09_32=AgentDecision("BUY", 0.3)), cash=cash, when=1, mandate=TWO_MINUTES)

    result = BacktestEngine(minute_bars(PRICES), [one(10_000), one(1_000)], initial_cash=11_000).run()
    assert orders(result) == [("09:32", "BUY", 300), ("09:32", "BUY", 30)]


def test_a_volatility_target_uses_the_closes_of_earlier_sessions():
    days = [[50, 100], [60, 110], [70, 99], [500, 100, 100, 100, 100]]  # today's own bars do not count
    bars = minute_bars(*days)
    mandate = Mandate(duration_minutes=2, target_volatility=1.0, volatility_sessions=2)
    result = backtest(bars, scripted(at_09_32=AgentDecision("BUY", 0.5)), mandate=mandate, start=at(f"{DAYS[3]} 09:30"))
    yearly = (math.log(1.1) - math.log(0.9)) / math.sqrt(2) * math.sqrt(252)
    assert orders(result) == [("09:32", "BUY", math.floor(0.5 * 10_000 / 100 / yearly))]


def test_a_volatility_target_without_enough_sessions_stops_the_run():
    bars = minute_bars([10] * 5, [10] * 5, [10] * 5)
    mandate = Mandate(target_volatility=1.0, volatility_sessions=2)
    with pytest.raises(RunError, match="X has 2 sessions before 2024-01-04, its volatility needs 3") as caught:
        backtest(bars, scripted(at_09_32=AgentDecision("BUY", 0.5)), mandate=mandate, start=at(f"{DAYS[2]} 09:30"))
    assert isinstance(caught.value.__cause__, NotEnoughHistoryError)


def test_an_agent_is_asked_at_times_of_the_exchanges_day():
    bars = minute_bars([10] * 8, [10] * 8)
    assert asked(bars, ["09:35", time(9, 32)]) == ["02 09:32", "02 09:35", "03 09:32", "03 09:35"]


def test_an_agent_is_asked_late_where_a_bar_is_missing():
    assert asked(minute_bars([10, None, None, 10, 10]), ["09:32"]) == ["02 09:34"]


def test_a_time_that_a_short_day_does_not_reach_is_not_made_up_the_next_day():
    assert asked(minute_bars([10] * 3, [10] * 8), ["09:31", "09:36"]) == ["02 09:31", "03 09:31", "03 09:36"]


def test_the_time_of_the_open_means_the_first_bar():
    assert asked(minute_bars([10] * 3, [10] * 3), ["09:30"]) == ["02 09:31", "03 09:31"]


def test_a_time_before_the_replay_began_is_not_made_up():
    assert asked(minute_bars([10] * 8), ["09:32", "09:36"], start=at("09:34")) == ["02 09:36"]


def test_an_agent_is_asked_at_every_so_many_bars():
    assert asked(minute_bars([10] * 5, [10] * 2), 2) == ["02 09:32", "02 09:34", "03 09:31"]


def test_an_agent_is_not_asked_while_its_last_order_is_being_worked():
    diary = []
    agent = partial(Scripted, script={"09:32": AgentDecision("BUY", 0.3)}, diary=diary)
    backtest(minute_bars([10] * 8), agent, mandate=Mandate(duration_minutes=3))
    assert [moment[3:] for moment, _, _ in diary] == ["09:31", "09:32", "09:36", "09:37", "09:38"]


def test_an_agent_is_asked_about_each_symbol_of_the_run():
    diary = []
    bars = Bars.concat([minute_bars([10] * 3, symbol="B"), minute_bars([20] * 3, symbol="A")])
    backtest(bars, partial(Scripted, diary=diary), when=["09:32"])
    assert [(moment, symbol) for moment, symbol, _ in diary] == [("02 09:32", "A"), ("02 09:32", "B")]


def test_an_agent_sees_the_bars_that_are_over_and_no_other():
    diary = []
    backtest(minute_bars(PRICES), partial(Scripted, diary=diary))
    for count, (moment, _, seen) in enumerate(diary, start=1):
        assert seen["close"].tolist() == PRICES[:count]
        assert moment[3:] == clock_times([seen.index[-1].value + MINUTE])[0]
    assert len(diary) == len(PRICES)


class Slow(Scripted):
    """Takes a minute of the market's time to answer."""

    def __init__(self, data_handler, **options):
        super().__init__(data_handler, **options)
        self.clock = SimulatedBroker().clock

    async def analyze(self, ticker):
        decision = await super().analyze(ticker)
        await self.clock.sleep_until(self.clock.now + MINUTE)
        return decision


def test_an_agent_may_await_the_clock_and_its_order_starts_when_it_has_answered():
    result = backtest(minute_bars(PRICES), partial(Slow, script={"09:33": AgentDecision("BUY", 0.3)}), when=["09:33"])
    assert orders(result) == [("09:34", "BUY", 250)]  # sized at the price of the answer, 12


@pytest.mark.parametrize("seconds", [0, 1])
def test_an_agent_that_awaits_asyncio_in_a_backtest_is_told_what_to_await(seconds):
    class Remote(Scripted):
        async def analyze(self, ticker):
            await asyncio.sleep(seconds)

    with pytest.raises(RunError, match=r"AgentStrategy\.on_order failed on X at 2024-01-02 09:31.*clock\.sleep_until") as caught:
        backtest(minute_bars(PRICES), Remote)
    assert isinstance(caught.value.__cause__, ForeignAwaitError)


def test_an_agent_that_fails_stops_the_run_with_symbol_and_time():
    class Broken(Scripted):
        async def analyze(self, ticker):
            raise KeyError("no opinion")

    with pytest.raises(RunError, match=r"failed on X at 2024-01-02 09:33-05:00: KeyError: 'no opinion'"):
        backtest(minute_bars(PRICES), Broken, when=["09:33"])


def test_a_decision_after_the_last_session_is_reported_as_rejected():
    result = backtest(minute_bars([10] * 3), scripted(at_09_33=AgentDecision("BUY", 0.3)))
    assert len(result.rejected) == 1
    assert result.rejected[0].startswith("Question(symbol='X'): the market has no session")


def test_a_subclass_may_send_orders_of_its_own():
    class Both(AgentStrategy):
        def on_bar(self, event):
            super().on_bar(event)
            if event.time == at("09:31"):
                self.event_queue.put(OrderEvent(symbol="X", side="BUY", quantity=7))

    made = partial(Both, agent=scripted(at_09_32=AgentDecision("BUY", 0.3)), cash=10_000, when=1, mandate=TWO_MINUTES)
    result = BacktestEngine(minute_bars([10] * 8), [made]).run()
    assert result.parents["quantity"].tolist() == [7, 293]
    assert result.parents["algorithm"].tolist() == ["direct", "twap"]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"cash": 0}, "cash must be positive"),
        ({"when": 0}, "positive number of bars"),
        ({"when": []}, "list of times"),
        ({"when": "10:00"}, "list of times"),
        ({"when": ["25:00"]}, "no time of day"),
        ({"agent": lambda data_handler: None}, "agent must make an object"),
    ],
)
def test_a_strategy_that_cannot_ask_is_refused(terms, words):
    with pytest.raises(UsageError, match=words):
        backtest(minute_bars(PRICES), **{"agent": Scripted, **terms})


SCRIPT = {"09:32": AgentDecision("BUY", 0.3, 0.8, "cheap"), "09:36": AgentDecision("SELL", 1)}


def recorded(agent, when):
    """A backtest's result, and what the agent answered in it."""
    made = []

    def recorder(data_handler):
        made.append(RecordingAgent(agent(data_handler), data_handler))
        return made[0]

    return backtest(minute_bars(PRICES), recorder, when=when), made[0].records


def test_decisions_on_record_give_the_same_backtest_as_the_agent_that_made_them():
    result, records = recorded(partial(Scripted, script=SCRIPT), ["09:32", "09:36"])
    assert [(clock_times([one.time])[0], one.ticker, one.decision) for one in records] == [
        (moment, "X", decision) for moment, decision in SCRIPT.items()
    ]
    again = backtest(minute_bars(PRICES), partial(RecordedDecisions, records), when=1)
    pd.testing.assert_frame_equal(again.fills, result.fills)
    pd.testing.assert_frame_equal(again.equity, result.equity)


def test_a_decision_is_on_record_from_the_answer_on_not_from_the_question():
    _, records = recorded(partial(Slow, script=SCRIPT), ["09:32"])
    assert clock_times([one.time for one in records]) == ["09:33"]


def answers(records, *moments, ticker="X"):
    """What an agent with these records says at these times."""

    class Clock:
        now = 0

    clock = Clock()
    agent = RecordedDecisions(records, clock)
    said = []
    for moment in moments:
        clock.now = at(moment)
        said.append(asyncio.run(agent.analyze(ticker)))
    return said


BUY, SELL = SCRIPT.values()


def test_each_decision_on_record_is_given_once_and_never_before_it_was_known():
    records = [(at("10:05"), "X", SELL), (at("10:00"), "X", BUY)]
    said = answers(records, "09:59", "10:00", "10:01", "10:06", "10:07")
    assert [one.action for one in said] == ["HOLD", "BUY", "HOLD", "SELL", "HOLD"]
    assert said[1] is BUY


def test_of_decisions_that_came_together_the_newest_counts():
    assert answers([(at("10:00"), "X", BUY), (at("10:05"), "X", SELL)], "10:30") == [SELL]


def test_each_ticker_has_its_own_record():
    records = [(at("10:00"), "X", BUY), (at("10:00"), "Y", SELL)]
    assert answers(records, "10:00", ticker="Y") == [SELL]
    assert answers(records, "10:00", ticker="Z")[0].action == "HOLD"


def test_the_time_of_a_decision_may_be_text_with_a_zone_but_not_without():
    assert answers([("2024-01-02T10:00:00-05:00", "X", BUY)], "09:59", "10:00")[1] is BUY
    with pytest.raises(UsageError, match="needs a zone, got '2024-01-02 10:00'"):
        answers([("2024-01-02 10:00", "X", BUY)])


def test_decisions_written_to_a_file_are_read_back(tmp_path):
    records = [RecordedDecision(at("10:00") + 1, "X", BUY), RecordedDecision(at("10:05"), "Y", SELL)]
    file = tmp_path / "decisions.jsonl"
    write_decisions(file, records)
    assert read_decisions(file) == records
    assert file.read_text().splitlines()[1] == (
        '{"time": "2024-01-02T15:05:00+00:00", "ticker": "Y", "action": "SELL", "position_size": 1.0, "confidence": null, "reason": ""}'
    )


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"ticker": "X", "action": "BUY", "position_size": 0.3}',
        '{"time": "2024-01-02T10:00:00", "ticker": "X", "action": "BUY", "position_size": 0.3}',
        '{"time": "2024-01-02T10:00:00Z", "ticker": "X", "action": "BUY", "position_size": 30}',
        '{"time": "2024-01-02T10:00:00Z", "ticker": "X", "action": "BUY", "position_size": 0.3, "mood": "good"}',
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path, line):
    file = tmp_path / "decisions.jsonl"
    write_decisions(file, [RecordedDecision(at("10:00"), "X", BUY)])
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"decisions\.jsonl, line 2"):
        read_decisions(file)
