"""What `exec-algos live status` says of a journal, and that it changes nothing."""

import math

from test_recorded import REF, Writing
from typer.testing import CliRunner

from exec_algos.brokers.records import Entry, Kind
from exec_algos.cli import app
from exec_algos.live.journal import SqliteJournal
from exec_algos.live.recorded import recorded
from exec_algos.live.status import first_of, status_lines, sums_of
from exec_algos.model.lifecycle import Event

SESSION = Entry(Kind.SESSION, 0, "", "", {"venue": "sim", "account": "A-1", "currency": "KRW"})


def at_work():
    """A child of 100 shares of which 30 traded at 10 and 20 at 20."""
    writing = Writing()
    writing.on(Event.SEND, "")
    writing.on(Event.ACCEPT, "")
    writing.trade(30, 10.0, 50, "e1")
    writing.trade(20, 20.0, 60, "e2")
    return writing


def test_sums_say_where_each_share_is():
    (parent,) = recorded(at_work().entries).parents.values()
    assert sums_of(parent) == {"ordered": 1000, "filled": 50.0, "working": 50, "unknown": 0, "left": 900.0, "price": 14.0, "children": 1}


def test_what_is_unknown_is_not_what_is_open():
    writing = at_work()
    writing.on(Event.SILENCE, "time-out")
    (parent,) = recorded(writing.entries).parents.values()
    sums = sums_of(parent)
    assert (sums["filled"], sums["working"], sums["unknown"], sums["left"]) == (50.0, 0, 50, 900.0)


def test_the_lines_name_session_parent_child_alert_and_sums():
    writing = at_work()
    writing.on(Event.SILENCE, "time-out")
    alert = Entry(Kind.ALERT, 1_700_000_000_000_000_000, "P1", REF, {"text": "look at it"})
    lines = status_lines(recorded([SESSION, *writing.entries, alert]), "process 7 since now")
    assert lines[0].startswith("session of account A-1 at sim, currency KRW; 1 run, last entry at 2023-11-14 22:13:20 UTC")
    assert lines[1] == "in use by process 7 since now; Ctrl-C there stops it"
    assert "P1: SELL 1000 005930, vwap:profile_days=5" in lines[2]
    assert "filled 50 at 14.0000, unknown 50, left 900; children: 1 unknown; not over" in lines[2]
    assert lines[3] == f"  {REF} (V9): unknown, ask the venue: 50 of 100 shares; time-out"
    assert lines[4] == "alert at 2023-11-14 22:13:20 UTC: look at it"
    assert lines[5] == "1 parent order, 1 not over; 1 child order, 1 not over, 1 unknown; 2 fills; 1 alert"


def test_times_are_shown_in_the_zone_of_the_order():
    entries = [
        entry._replace(data={**entry.data, "zone": "Asia/Seoul"}) if entry.kind is Kind.PARENT else entry for entry in at_work().entries
    ]
    alert = Entry(Kind.ALERT, 1_700_000_000_000_000_000, "P1", REF, {"text": "look at it"})
    lines = status_lines(recorded([SESSION, *entries, alert]))
    assert "last entry at 2023-11-15 07:13:20 Asia/Seoul" in lines[0]
    assert lines[2].count("Asia/Seoul") == 2
    assert lines[4] == "alert at 2023-11-15 07:13:20 Asia/Seoul: look at it"


def test_errors_that_are_left_out_are_counted():
    errors = [f"slice {n}" for n in range(24)]
    assert first_of(errors, 5) == [*errors[:5], "and 19 more"]
    assert first_of(errors, 24) == errors


def test_an_empty_journal_says_so():
    assert status_lines(recorded([])) == ["the journal is empty: no session was begun"]


def invoke(*arguments):
    return CliRunner().invoke(app, ["live", *map(str, arguments)])


def test_the_command_reads_a_journal_that_another_holds_and_leaves_it_as_it_is(tmp_path):
    with SqliteJournal(tmp_path / "day.db") as journal:
        for entry in (SESSION, *at_work().entries):
            journal.note(entry)
    before = (tmp_path / "day.db").read_bytes()
    done = invoke("status", tmp_path / "day.db")
    assert done.exit_code == 0, done.output
    assert "in use by no process" in done.output
    assert "filled 50 at 14.0000, working 50, left 900" in done.output
    assert (tmp_path / "day.db").read_bytes() == before
    with SqliteJournal(tmp_path / "day.db"):
        assert "in use by process" in invoke("status", tmp_path / "day.db").output


def test_something_unknown_is_an_exit_code(tmp_path):
    writing = at_work()
    writing.on(Event.SILENCE, "time-out")
    with SqliteJournal(tmp_path / "day.db") as journal:
        for entry in (SESSION, *writing.entries):
            journal.note(entry)
    assert invoke("status", tmp_path / "day.db").exit_code == 1


def test_a_journal_that_is_not_there_is_one_line(tmp_path):
    done = invoke("status", tmp_path / "day.db")
    assert done.exit_code == 1
    assert done.output.startswith("error: there is no journal")
    assert done.output.count("\n") == 1


def test_nothing_traded_has_no_price():
    (parent,) = recorded(Writing().entries).parents.values()
    assert sums_of(parent)["price"] is None
    assert not math.isnan(sums_of(parent)["filled"])
