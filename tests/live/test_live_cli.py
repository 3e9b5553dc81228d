"""`exec-algos live run, resume, cancel`: files that cannot be worked, journals that cannot be used, consent, exit codes."""

import json
import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from exec_algos.brokers.records import Entry, Kind
from exec_algos.cli import app
from exec_algos.cli.live_orders import rows_of
from exec_algos.cli.live_venues import Said, check_consent
from exec_algos.errors import UsageError
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.recorded import recorded
from exec_algos.market.samples import load_samples
from exec_algos.studies.design.written.files import table_of
from exec_algos.studies.design.written.form import OrderForm
from exec_algos.testing.rehearsal import rehearsal

HEAD = "ref,symbol,side,quantity,start,end,limit,algo"
DAY = "2025-12-23"


@pytest.fixture(scope="module")
def venue():
    bars = load_samples()["XKRX"].select(["990010", "990020"])
    with rehearsal(bars, start=f"{DAY} 09:30", calendar="XKRX", speed=60.0, lot_size=10) as running:
        yield running


def live(*arguments):
    return CliRunner().invoke(app, ["live", *map(str, arguments)])


def run(venue, folder, *rows, options=(), head=HEAD):
    (folder / "orders.csv").write_text("\n".join([head, *rows]) + "\n")
    known = ["--url", venue.url, "--algo", "twap", "--journal", folder / "day.db", "--account", folder.name]
    return live("run", folder / "orders.csv", *known, *options)


def sent(venue, account):
    return [order for order in venue.control.truth()["orders"] if order["account"] == account]


def test_every_bad_row_is_told_at_once_with_number_field_and_remedy_and_nothing_is_sent(venue, tmp_path):
    good = f"{DAY} 14:00,{DAY} 14:10,,"
    rows = [
        f"A,990010,buy,100,{good}",
        f"B,990010,buy,105,{good}",
        f"C,NONE,buy,100,{good}",
        f"D,990010,hold,100,{good}",
        f"E,990010,buy,many,{good}",
        f"A,990020,sell,100,{good}",
        f"F,990010,buy,100,{DAY} 09:00,{DAY} 09:10,,",
        f"G,990010,buy,100,{DAY} 15:00,{DAY} 16:00,,",
        f"H,990010,buy,100,{DAY} 14:10,{DAY} 14:00,,",
        f"I,990010,buy,100,{DAY} 14:00,{DAY} 14:10,74250.5,",
        f"J,990010,buy,100,{DAY} 14:00,{DAY} 14:10,-5,",
        f"K,990010,buy,100,{DAY} 14:00,{DAY} 14:10,,tvap",
        f"L,990010,buy,1000000,{good}",
        f"no ref!,990010,buy,100,{good}",
        f"M,990010,buy,100,soon,{DAY} 14:10,,",
        "N,990010,buy,100,2025-12-27 10:00,2025-12-27 11:00,,",
        f"O,,buy,100,{good}",
        "",
        f",990010,sell,100,{good}",
    ]
    done = run(venue, tmp_path, *rows)
    assert done.exit_code == 2, done.output
    told = {int(row): (field, rest) for row, field, rest in re.findall(r"row (\d+), (\w+) (.*)", done.output)}
    expected = {
        1: ("ref", "row 6 has it too"), 2: ("quantity", "the nearest are 100 and 110"), 3: ("symbol", "name a symbol of the venue"),
        4: ("side", "hold"), 5: ("quantity", "no number"), 6: ("ref", "row 1 has it too"), 7: ("end", "the window is over"),
        8: ("end", "beyond the session"), 9: ("end", "not after the start"), 10: ("limit", "the nearest are"), 11: ("limit", "above 0"),
        12: ("algo", "did you mean"), 13: ("quantity", "--max-parent-notional"), 14: ("ref", "at most 64 of the signs"),
        15: ("start", "soon"), 16: ("start", "outside of a session"), 17: ("symbol", "it is empty"),
    }  # fmt: skip
    assert {row: field for row, (field, _) in told.items()} == {row: field for row, (field, _) in expected.items()}
    assert [row for row, (_, remedy) in expected.items() if remedy not in told[row][1]] == []
    assert "17 of 18 rows cannot be worked, so nothing was sent" in done.output
    assert sent(venue, tmp_path.name) == []
    assert [entry.kind for entry in read(tmp_path / "day.db")] == [Kind.SESSION]


def test_every_bad_cell_of_a_row_is_told(venue, tmp_path):
    done = run(venue, tmp_path, f"A,990010,buy,105,{DAY} 14:00,{DAY} 14:10,,tvap")
    assert done.exit_code == 2
    assert re.findall(r"row 1, (\w+)", done.output) == ["quantity", "algo"]


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("symbol,side,start,end", "990010,buy,2025-12-23 10:00,2025-12-23 11:00", "missing: quantity"),
        ("symbol,symbol,side,quantity,start,end", "A,A,buy,10,2025-12-23 10:00,2025-12-23 11:00", "symbol"),
        ("symbol,side,quantity,start,end", "A,buy,1,2,3,4,5,6", "more values than there are column names"),
    ],
)
def test_a_file_that_is_no_table_of_orders_is_refused_before_the_venue_is_asked(tmp_path, head, row, said):
    (tmp_path / "orders.csv").write_text(f"{head}\n{row}\n")
    done = live("run", tmp_path / "orders.csv", "--url", "http://127.0.0.1:9", "--algo", "twap", "--journal", tmp_path / "day.db")
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "day.db").exists()


def test_a_file_without_rows_and_one_that_is_not_there_are_refused(tmp_path):
    (tmp_path / "orders.csv").write_text(HEAD + "\n")
    for name, said in (("orders.csv", "no row stands below"), ("none.csv", "none.csv")):
        done = live("run", tmp_path / name, "--url", "http://127.0.0.1:9", "--journal", tmp_path / "day.db")
        assert done.exit_code == 2
        assert said in done.output


def test_a_venue_that_does_not_answer_is_one_line_and_no_journal_is_made(tmp_path):
    (tmp_path / "orders.csv").write_text(f"{HEAD}\nA,990010,buy,100,{DAY} 14:00,{DAY} 14:10,,\n")
    done = live("run", tmp_path / "orders.csv", "--url", "http://127.0.0.1:9", "--algo", "twap", "--journal", tmp_path / "day.db")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "http://127.0.0.1:9 does not answer" in done.output
    assert "start exec-algos venue-sim, or name its address" in done.output
    assert not (tmp_path / "day.db").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--venue", "kiss", "--url", "x"], "unknown venue 'kiss'"),
        (["--algo", "tvap", "--url", "x"], "did you mean"),
        ([], "needs --url"),
        (["--url", "127.0.0.1:8700"], "http://127.0.0.1:PORT"),
        (["--url", "http://127.0.0.1:9", "--max-child-notional", "-1"], "max-child-notional"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, said):
    (tmp_path / "orders.csv").write_text(f"{HEAD}\nA,990010,buy,100,{DAY} 14:00,{DAY} 14:10,,\n")
    done = live("run", tmp_path / "orders.csv", "--journal", tmp_path / "day.db", *options)
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "day.db").exists()


def test_a_journal_with_orders_that_are_not_over_is_not_run_again(venue, tmp_path):
    from test_recorded import accepted

    with SqliteJournal(tmp_path / "day.db") as journal:
        journal.note(Entry(Kind.SESSION, 1, "", "", {"venue": "sim", "account": tmp_path.name}))
        journal.note(accepted())
    done = run(venue, tmp_path, f"A,990010,buy,100,{DAY} 14:00,{DAY} 14:10,,")
    assert done.exit_code == 2
    assert "live resume" in done.output
    assert "live cancel" in done.output
    assert sent(venue, tmp_path.name) == []


@pytest.mark.parametrize("command", ["resume", "cancel"])
def test_a_journal_that_is_not_there_is_not_made(tmp_path, command):
    done = live(command, tmp_path / "day.db")
    assert done.exit_code == 1
    assert "there is no journal" in done.output
    assert "is a folder; name the journal in it" in " ".join(live(command, tmp_path).output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["resume", "cancel"])
def test_a_running_session_is_named_with_its_process_and_ctrl_c(tmp_path, command):
    with SqliteJournal(tmp_path / "day.db"):
        done = live(command, tmp_path / "day.db")
    assert done.exit_code == 1
    assert f"in use by process {os.getpid()} since" in done.output
    assert "Ctrl-C" in done.output


def test_an_empty_journal_has_nothing_to_resume(tmp_path):
    SqliteJournal(tmp_path / "day.db").close()
    done = live("resume", tmp_path / "day.db")
    assert done.exit_code == 2
    assert "exec-algos live run begins one" in done.output


def test_real_money_needs_a_yes():
    check_consent("kis", paper=True, yes=False)
    check_consent("kis", paper=False, yes=True)
    with pytest.raises(UsageError, match=r"venue kis trades real money.*--yes"):
        check_consent("kis", paper=False, yes=False)


def test_what_was_said_of_a_venue_is_kept_for_the_next_run():
    said = Said("sim", "http://a", "acc", "XKRX", 5.0, None)
    session = json.loads(json.dumps({"venue": "sim", "clock": "ScaledClock", **said._asdict()}))
    assert Said.of(session) == said
    assert Said.of(session, url="http://b") == said._replace(url="http://b")


def test_a_run_and_a_second_file_in_the_same_journal(venue, tmp_path):
    def window(seconds):
        begin = datetime.fromtimestamp(venue.control.now / 1e9, UTC) + timedelta(seconds=60)
        return f"{begin:%Y-%m-%dT%H:%M:%SZ},{begin + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"

    first = run(venue, tmp_path, f"A,990010,buy,100,{window(60)},,twap:slice_interval_seconds=20")
    assert first.exit_code == 0, first.output
    assert re.search(r"working A: BUY 100 990010, twap", first.output)
    assert re.search(r"A: BUY 100 990010.*filled 100 at .*; over", first.output)
    again = run(venue, tmp_path, f"A,990010,buy,100,{window(60)},,")
    assert again.exit_code == 2
    assert "the journal has an order of this ref" in again.output
    other = run(venue, tmp_path, f"{window(60)},B,990020,sell,40", head="start,end,order_id,symbol,side,quantity")
    assert other.exit_code == 0, other.output
    found = recorded(read(tmp_path / "day.db"))
    assert {ref: parent.filled for ref, parent in found.parents.items()} == {"A": 100, "B": 40}
    assert sum(order["filled"] for order in sent(venue, tmp_path.name)) == 140
    assert found.parents["B"].parent.algorithm == "twap"
    assert "all orders of the journal are over; there is nothing to do" in live("resume", tmp_path / "day.db").output


def test_an_order_whose_children_are_refused_is_told_and_is_no_success(venue, tmp_path):
    begin = datetime.fromtimestamp(venue.control.now / 1e9, UTC) + timedelta(seconds=60)
    window = f"{begin:%Y-%m-%dT%H:%M:%SZ},{begin + timedelta(seconds=60):%Y-%m-%dT%H:%M:%SZ}"
    row = f"A,990010,buy,100,{window},,twap:slice_interval_seconds=6"
    done = run(venue, tmp_path, row, options=["--max-child-notional", "100000", "--max-parent-notional", "1e8"])
    assert done.exit_code == 1
    assert "A: BUY 100 990010" in done.output
    assert "filled 0, left 100" in done.output
    assert re.search(r"  slice 1: NotSentError: max_child_notional: its value 7.* is above 100,000.00 KRW", done.output)
    assert re.search(r"^  and \d more$", done.output, re.MULTILINE)
    assert " UTC" not in done.output
    assert sent(venue, tmp_path.name) == []
    assert "refused at" in live("status", tmp_path / "day.db").output


def test_a_cell_of_its_own_stands_above_the_option_and_text_is_read_as_a_study_reads_it():
    head = "Ticker;B/S;Qty;StartTime;EndTime;limit;algo"
    text = f"{head}\n005930;S;1.000;{DAY} 10:00;{DAY} 11:00;71.200,5;pov:participation_rate=0.1\n"
    form = OrderForm(decimal=",")
    (asked,), bad, notes = rows_of(table_of(text, form), form, "Asia/Seoul", "twap")
    assert bad == []
    assert (asked.symbol, asked.side, asked.quantity, asked.limit) == ("005930", -1, 1000.0, 71_200.5)
    assert asked.algorithm == "pov:participation_rate=0.1"
    assert asked.start == int(datetime(2025, 12, 23, 1, tzinfo=UTC).timestamp() * 1e9)
    assert notes
