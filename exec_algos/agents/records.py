"""Decisions on record: write down what a live agent answers, and give the same answers in a backtest."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from numbers import Integral
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from exec_algos.agents.decision import Action, AgentDecision, TradingAgent, ask
from exec_algos.errors import UsageError
from exec_algos.market.boundary import reading, writing
from exec_algos.market.files import content_of_file, file_system

NOTHING_NEW = AgentDecision(Action.HOLD, 0, reason="nothing new on record")


class Now(Protocol):
    """Whatever knows the time: a broker's clock, a `DataHandler`."""

    @property
    def now(self) -> int:
        """The present instant, ns UTC."""
        ...


class RecordedDecision(NamedTuple):
    """A decision, and the instant from which on it was known (ns UTC): that of the answer, not of the question."""

    time: int
    ticker: str
    decision: AgentDecision


class RecordingAgent:
    """Asks another agent, and keeps its answers.

    Parameters
    ----------
    agent : TradingAgent
    clock : Clock
        ``broker.clock``, or anything with a ``now`` in ns UTC.

    Attributes
    ----------
    records : list of RecordedDecision
        In time order.
    """

    def __init__(self, agent: TradingAgent, clock: Now) -> None:
        self.agent, self.clock = agent, clock
        self.records: list[RecordedDecision] = []

    async def analyze(self, ticker: str) -> AgentDecision:
        """What the other agent answers."""
        decision = await ask(self.agent, ticker)
        self.records.append(RecordedDecision(self.clock.now, ticker, decision))
        return decision


class RecordedDecisions:
    """An agent that answers from a record: each decision once, as soon as it was known.

    Asked about a ticker, it gives the newest decision up to now unless it gave that one before; then it holds.
    Ask it at every bar (``when=1``), and each decision is acted on at the first bar's end after it was made.

    Parameters
    ----------
    records : iterable of RecordedDecision
        Or of ``(time, ticker, decision)``; the time is ns UTC, or has a zone.
    clock : Clock
        A broker's clock, or the `DataHandler` of a backtest:
        ``partial(AgentStrategy, agent=partial(RecordedDecisions, records), when=1, ...)``.

    Raises
    ------
    UsageError
        A time without a zone.
    """

    def __init__(self, records: Iterable[tuple[int | str | datetime, str, AgentDecision]], clock: Now) -> None:
        self.clock = clock
        self._records: dict[str, list[RecordedDecision]] = defaultdict(list)
        self._given: dict[str, int] = defaultdict(int)
        for record in sorted((RecordedDecision(_instant(time), ticker, made) for time, ticker, made in records), key=attrgetter("time")):
            self._records[record.ticker].append(record)

    async def analyze(self, ticker: str) -> AgentDecision:
        """The newest decision on record that was not given yet, else HOLD."""
        own = self._records.get(ticker, [])
        known = bisect_right(own, self.clock.now, key=attrgetter("time"))
        if known == self._given[ticker]:
            return NOTHING_NEW
        self._given[ticker] = known
        return own[known - 1].decision


def write_decisions(file: Path | str, records: Iterable[RecordedDecision]) -> None:
    """Write records as lines of JSON, replacing the file: ``time`` (ISO, UTC), ``ticker`` and the fields of `AgentDecision`."""
    import pandas as pd

    lines = [
        json.dumps({"time": pd.Timestamp(time, unit="ns", tz="UTC").isoformat(), "ticker": ticker, **asdict(decision)})
        for time, ticker, decision in records
    ]
    with writing(f"cannot write to {file}", "no decision was kept", "name a file that can be written to", kind=UsageError):
        Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_decisions(file: Path | str) -> list[RecordedDecision]:
    """Read what `write_decisions` wrote.

    Raises
    ------
    UsageError
        A line that is no record; the message names the file and the line.
    """
    found = []
    content = content_of_file(*file_system(file))
    with reading(str(file)):
        lines = content.decode("utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            found.append(RecordedDecision(_instant(fields.pop("time")), fields.pop("ticker"), AgentDecision(**fields)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{file}, line {number}: no decision on record: {type(error).__name__}: {error}") from error
    return found


def _instant(moment: int | str | datetime) -> int:
    if isinstance(moment, Integral):
        return int(moment)
    import pandas as pd

    stamp = pd.Timestamp(moment)
    if stamp.tzinfo is None:
        raise UsageError(f"the time of a decision needs a zone, got {moment!r}; write 2025-12-10T10:00:00-05:00")
    return int(stamp.as_unit("ns").value)
