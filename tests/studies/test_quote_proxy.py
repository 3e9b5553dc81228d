"""Studies of who reads quotes on bars without them: refused or listed with the reason; the proxy is named in all that is said and kept."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from cerebros import Worker, cerebro_of, fills_of
from markets import content_of, market

from exec_algos import Bars, ParentOrders, SlippageStudy
from exec_algos.algorithms import LiquidityAware
from exec_algos.cli.shards import run_shards
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.depth import with_quote_proxy
from exec_algos.market.store import BarStore
from exec_algos.reports.words import assumptions
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.request import StudyRequest
from exec_algos.studies.saved import rerun
from exec_algos.studies.shards.study import ShardedStudy

BARE = replace(market(21, ("A", "B"), missing=0.1, silent=0.0), quote_proxy=None)
NAMED = with_quote_proxy(BARE, "close")
TERMS = {"calendar": "XNYS", "size": "37", "profile_days": 2}
LACKING = "liquidity_aware reads bid_size, ask_size, and the bars of A have none"
REQUEST = StudyRequest(algorithms="liquidity_aware", calendar="XNYS", size="37", profile_days=2)
STATED = "bid and ask are taken to be the close of the bar, with half its volume on either side"


@pytest.fixture
def store(tmp_path):
    BarStore(tmp_path / "bars").write(BARE)
    return str(tmp_path / "bars")


def sharded(store, **options):
    return ShardedStudy(store=store, parents=Grid(**TERMS), algorithms=("liquidity_aware",), **options)


def in_one_piece(bars=NAMED):
    return SlippageStudy(bars, ParentOrders.grid(bars, **TERMS), ["liquidity_aware"]).run()


def test_each_shard_without_quotes_is_listed_with_the_reason_and_the_others_are_worked(tmp_path):
    a = BARE.select(["A"])
    quotes = {"bid": a.close - 0.5, "ask": a.close + 0.5, "bid_size": a.volume / 4, "ask_size": a.volume / 3}
    bars = Bars.concat([replace(a, quotes=quotes), BARE.select(["B"])])
    BarStore(tmp_path / "bars").write(bars)
    found = sharded(str(tmp_path / "bars")).run(tmp_path / "out")
    assert [one[:2] for one in found.failed] == [("B", "2025-11"), ("B", "2025-12")]
    assert all("reads bid_size, ask_size, and the bars of B have none" in one.reason for one in found.failed)
    assert pd.read_csv(tmp_path / "out/failed.csv")["session"].tolist() == ["2025-11", "2025-12"]
    in_one_piece(bars.select(["A"])).save(tmp_path / "whole")
    pd.testing.assert_frame_equal(found.table(), pd.read_parquet(tmp_path / "whole/parents.parquet"), check_exact=True)


def test_a_store_without_quotes_is_refused_with_the_first_reason(tmp_path, store):
    with pytest.raises(UsageError, match=f"no parent order is left to study: 0 skipped; 4 failed, the first: A 2025-11: {LACKING}"):
        sharded(store).run(tmp_path / "out")
    assert len(pd.read_csv(tmp_path / "out/failed.csv")) == 4


def test_shards_with_the_proxy_hold_what_a_study_in_memory_does_and_go_on_with_it(tmp_path, store):
    found = sharded(store, quote_proxy="close").run(tmp_path / "out")
    assert found.failed == ()
    in_one_piece().save(tmp_path / "whole")
    pd.testing.assert_frame_equal(found.table(), pd.read_parquet(tmp_path / "whole/parents.parquet"), check_exact=True)
    again = ShardedStudy.of_folder(tmp_path / "out")
    assert again.quote_proxy == "close"
    before = content_of(tmp_path / "out")
    assert again.run(tmp_path / "out").made == 0
    assert content_of(tmp_path / "out") == before


def test_a_folder_of_another_proxy_is_refused(tmp_path, store):
    sharded(store, quote_proxy="close").run(tmp_path / "out")
    with pytest.raises(UsageError, match="quote_proxy"):
        sharded(store).run(tmp_path / "out")


def test_a_proxy_that_there_is_not_is_refused_before_anything_is_read(store):
    with pytest.raises(UnknownNameError, match="unknown quote proxy 'mid': known: close"):
        sharded(store, quote_proxy="mid")


def test_the_command_in_shards_states_the_proxy_or_says_which_option_to_give(tmp_path, store, capsys):
    run_shards([store], replace(REQUEST, quote_proxy="close"), str(tmp_path / "out"))
    assert "quotes: proxy close" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/config.json").read_text())["quote_proxy"] == "close"
    with pytest.raises(UsageError, match=rf"{LACKING}: .* \(--quote-proxy close\)"):
        run_shards([store], REQUEST, str(tmp_path / "bare"))


def test_the_request_of_a_command_is_refused_without_the_proxy_and_states_it_with_it():
    with pytest.raises(UsageError, match=LACKING):
        REQUEST.study(BARE)
    assert replace(REQUEST, quote_proxy="close").study(BARE).run().config["quote_proxy"] == "close"


def test_assumptions_of_the_report_and_config_of_a_study_state_the_proxy(tmp_path):
    result = in_one_piece()
    result.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["quote_proxy"] == "close"
    assert STATED in dict(assumptions(result))["quotes"]
    plain = SlippageStudy(BARE, ParentOrders.grid(BARE, **TERMS), ["twap"]).run()
    assert "quotes" not in dict(assumptions(plain))
    assert "quote_proxy" not in plain.config


@pytest.mark.parametrize("given", [BARE, NAMED], ids=["bare", "named"])
@pytest.mark.parametrize("bars", [BARE, NAMED], ids=["of bare", "of named"])
def test_a_saved_study_runs_again_with_its_own_proxy_whatever_the_bars_name(tmp_path, bars, given):
    how = ["liquidity_aware"] if bars is NAMED else ["twap"]
    SlippageStudy(bars, ParentOrders.grid(bars, **TERMS), how).run().save(tmp_path / "first")
    rerun(tmp_path / "first", given).save(tmp_path / "second")
    assert content_of(tmp_path / "first") == content_of(tmp_path / "second")


def test_the_backtrader_plug_in_refuses_who_reads_quotes_unless_a_proxy_is_named():
    def ran(**options):
        cerebro = cerebro_of(BARE.select(["A"]), fills="exec_algos", calendar="XNYS", **options)
        cerebro.addstrategy(Worker, orders=(("A", 50, LiquidityAware(slice_interval_seconds=1800), 3, {"until": "15:30"}),))
        return fills_of(cerebro.run()[0])

    with pytest.raises(UsageError, match="reads bid_size, ask_size, and the bars of A have none"):
        ran()
    assert len(ran(quote_proxy="close")) > 0
