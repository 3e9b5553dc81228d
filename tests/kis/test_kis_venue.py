"""`KISVenue` and `KISBroker` before any simulator: what each answer to an order means, funds in few requests, settings, costs, warnings."""

import asyncio
import math
from types import SimpleNamespace

import pytest
from kis_ledger import DAY, NINE, SECOND, Ledger, access_of, reply

from exec_algos.brokers.kis.account import DayCosts, account_name
from exec_algos.brokers.kis.broker import KISBroker, too_many
from exec_algos.brokers.kis.funds import Funds
from exec_algos.brokers.kis.kept import Kept
from exec_algos.brokers.kis.operations import AccountNo
from exec_algos.brokers.kis.settings import LIVE_ADDRESSES, PAPER_ADDRESSES, KISSettings, kis_settings, live_settings
from exec_algos.brokers.kis.venue import KISVenue
from exec_algos.brokers.venue import Accepted, Intent, NotSent, Rejected
from exec_algos.errors import NotSentError, UsageError, VenueError
from exec_algos.model import Fill, ParentOrder, Side

BUY = Intent(own_id="", symbol="005930", side=Side.BUY, quantity=10, limit=62_000.0)


def run(coroutine):
    return asyncio.run(coroutine)


class Post(Ledger):
    """Answers orders with what it is given."""

    answer = None

    async def send(self, ask, headers):
        self.asks.append(ask)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def venue_of(answer, tmp_path, **options):
    ledger = Post()
    ledger.answer = answer
    access = access_of(ledger, tmp_path, **options)
    return ledger, KISVenue(access, access.client._bucket, None, None, Kept(access.clock))


def order_said(**output):
    return reply({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "", "output": output})


def refused(code, text="", status=200):
    return reply({"rt_cd": "1", "msg_cd": code, "msg1": text}, status=status)


def test_an_accepted_order_has_day_office_and_number_and_kis_time(tmp_path):
    _, venue = venue_of(order_said(KRX_FWDG_ORD_ORGNO="06010", ODNO="0001569157", ORD_TMD="095959"), tmp_path)
    said = run(venue.send(BUY))
    assert said == Accepted(f"{DAY}-06010-0001569157", NINE + 3599 * SECOND)
    assert venue.keys.find(said.venue_id).dvsn == "00"


@pytest.mark.parametrize(("now", "hour", "day"), [(15 * 3600 - 30, "235959", "20261123"), (15 * 3600 + 30, "235950", "20261123"),
                                                  (15 * 3600 - 30, "000005", "20261124")])  # fmt: skip
def test_a_time_of_day_around_midnight_is_that_of_the_nearest_day(tmp_path, now, hour, day):
    answer = order_said(KRX_FWDG_ORD_ORGNO="06010", ODNO="1", ORD_TMD=hour)
    _, venue = venue_of(answer, tmp_path, now=NINE + now * SECOND)
    assert run(venue.send(Intent(own_id="", symbol="005930", side=Side.BUY, quantity=1, limit=100.0))).venue_id == f"{day}-06010-0000000001"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused("APBK0952", "주문가능금액을 초과 했습니다"), Rejected("APBK0952", "주문가능금액을 초과 했습니다", lasting=True)),
        (refused("APBK0918", "장운영시간이 아닙니다"), Rejected("APBK0918", "장운영시간이 아닙니다")),
        (refused("APBK9999", "모름"), Rejected("APBK9999", "모름")),
        (refused("EGW00205", "credential", 500), Rejected("EGW00205", "credential", lasting=True)),
        (refused("EGW00201", "초당", 500), NotSent("EGW00201 초당")),
        (NotSentError("no connection"), NotSent("no connection")),
    ],
    ids=lambda said: type(said).__name__,
)
def test_what_says_that_nothing_is_at_the_exchange_is_an_answer_and_is_sent_once(tmp_path, answer, expected):
    ledger, venue = venue_of(answer, tmp_path)
    assert run(venue.send(BUY)) == expected
    assert len(ledger.asks) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refused("EGW00215", "원장", 500),
        refused("EGW00301", "", 500),
        refused("90020000", "모의 서비스 지연"),
        order_said(KRX_FWDG_ORD_ORGNO="06010", ODNO=""),
        reply({"rt_cd": "0"}),
        VenueError("no answer within 10 s"),
        OSError("reset"),
    ],
    ids=repr,
)
def test_what_says_nothing_for_certain_raises_and_is_sent_once(tmp_path, answer):
    ledger, venue = venue_of(answer, tmp_path)
    with pytest.raises((VenueError, OSError)):
        run(venue.send(BUY))
    assert len(ledger.asks) == 1


def test_an_order_that_cannot_be_written_is_not_sent(tmp_path):
    ledger, venue = venue_of(order_said(), tmp_path)
    assert "whole won" in run(venue.send(Intent(own_id="", symbol="005930", side=Side.BUY, quantity=10, limit=62_000.5))).why
    evening = venue_of(order_said(), tmp_path, now=NINE + 8 * 3600 * SECOND)[1]
    assert "after-market" in run(evening.send(Intent(own_id="", symbol="005930", side=Side.BUY, quantity=10, limit=math.nan))).why
    assert ledger.asks == []


class Account(Ledger):
    """What there is, counted down by nobody: each answer is the truth of that moment."""

    cash, free, price = 1_000_000, 30, 62_000

    async def send(self, ask, headers):
        self.asks.append(ask)
        if ask.path.endswith("inquire-psbl-order"):
            body = {
                "output": {"ord_psbl_cash": str(self.cash), "nrcvb_buy_amt": str(self.cash), "nrcvb_buy_qty": str(self.cash // self.price)}
            }
        elif ask.path.endswith("inquire-psbl-sell"):
            body = {"output": {"ord_psbl_qty": str(self.free)}}
        else:
            row = {"pdno": "005930", "hldg_qty": "50", "ord_psbl_qty": str(self.free), "pchs_avg_pric": "60000.0"}
            cash = {"dnca_tot_amt": "5", "nxdy_excc_amt": "6", "prvs_rcdl_excc_amt": "7", "thdt_tlex_amt": "12"}
            body = {"output1": [row], "output2": [cash]}
        return reply({"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": ""} | body, "D")


QUOTE = SimpleNamespace(lower=43_400.0, upper=80_600.0, base=62_000.0, liquidated=False)


def funds_of(tmp_path, **options):
    account = Account()
    access = access_of(account, tmp_path, **options)
    return account, Funds(access), access.clock


def buy(quantity, limit=62_000.0):
    return Intent(own_id="", symbol="005930", side=Side.BUY, quantity=quantity, limit=limit)


def sale(quantity):
    return Intent(own_id="", symbol="005930", side=Side.SELL, quantity=quantity, limit=62_000.0)


def test_buying_power_is_asked_once_and_again_only_where_what_was_sent_leaves_too_little(tmp_path):
    account, funds, clock = funds_of(tmp_path)
    for _ in range(4):
        run(funds.allow(buy(4), "00", QUOTE, 0.0))  # 992,000 of 1,000,000
        clock.at += 60 * SECOND
    assert funds.asked == 1
    run(funds.allow(buy(4), "00", QUOTE, 0.0))  # those before were cancelled: KIS says 1,000,000 again
    assert funds.asked == 2
    account.cash = 100_000
    for _ in range(3):
        run(funds.allow(buy(4), "00", QUOTE, 0.0))
    with pytest.raises(UsageError, match=r"a buy of 4 005930 is above the buying power of 100000 won; the most is 1 shares"):
        run(funds.allow(buy(4), "00", QUOTE, 0.0))


def test_a_market_buy_takes_the_upper_limit(tmp_path):
    _, funds, clock = funds_of(tmp_path)
    run(funds.allow(buy(6, math.nan), "01", QUOTE, 0.0))  # 483,600
    clock.at += SECOND
    run(funds.allow(buy(6, math.nan), "01", QUOTE, 0.0))
    assert funds.asked == 1
    clock.at += SECOND
    run(funds.allow(buy(1, math.nan), "01", QUOTE, 0.0))
    assert funds.asked == 2


@pytest.mark.parametrize(("paper", "path"), [(True, "inquire-balance"), (False, "inquire-psbl-sell")])
def test_a_sale_above_what_is_free_is_refused_with_the_most(tmp_path, paper, path):
    account, funds, clock = funds_of(tmp_path, paper=paper)
    for _ in range(3):
        run(funds.allow(sale(10), "00", QUOTE, 0.0))
        clock.at += 60 * SECOND
    assert [ask.path.rsplit("/", 1)[1] for ask in account.asks] == [path]
    account.free = 5
    with pytest.raises(UsageError, match=r"a sale of 10 005930 .* the most is 5"):
        run(funds.allow(sale(10), "00", QUOTE, 0.0))


def test_a_balance_that_cannot_be_read_is_never_no_holdings(tmp_path):
    ledger = Ledger(said={number: refused("EGW00215", "", 500) for number in range(1, 20)})
    access = access_of(ledger, tmp_path)
    venue = KISVenue(access, access.client._bucket, None, None, Kept(access.clock))
    with pytest.raises(VenueError, match="EGW00215"):
        run(venue.positions())
    cut = Ledger(said={1: reply({"rt_cd": "0", "msg_cd": "", "msg1": "", "output1": [], "output2": []}, None)})
    with pytest.raises(VenueError, match="not complete"):
        run(Funds(access_of(cut, tmp_path)).balance())


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in {"APP_KEY": "K" * 36, "APP_SECRET": "S" * 180, "ACCOUNT": "12345678-01", "TOKEN_CACHE": str(tmp_path)}.items():
        monkeypatch.setenv(f"EXEC_ALGOS_KIS_{name}", value)
    return monkeypatch


def test_without_arguments_the_environment_says_keys_account_and_host(environment):
    broker = KISBroker()
    assert (broker.kis.paper, broker.kis.addresses, broker.kis.limit, broker.adapter.caps.name) == (True, PAPER_ADDRESSES, 1, "kis-paper")
    environment.setenv("EXEC_ALGOS_KIS_PAPER", "false")
    assert (KISBroker().kis.addresses, KISBroker().kis.limit, KISBroker(rate=3).adapter.caps.rate) == (LIVE_ADDRESSES, 18, 3)
    assert KISBroker(account="87654321-01").kis.account.get_secret_value() == "87654321-01"


@pytest.mark.parametrize("name", ["APP_KEY", "APP_SECRET", "ACCOUNT"])
def test_a_missing_key_is_named_with_what_to_set(environment, name):
    environment.delenv(f"EXEC_ALGOS_KIS_{name}")
    with pytest.raises(UsageError, match=f"EXEC_ALGOS_KIS_{name}"):
        KISBroker()


def test_no_secret_is_shown_by_settings_errors_or_broker(environment):
    broker = KISBroker()
    shown = f"{broker.kis!r} {broker!r} {vars(broker)} {broker.adapter.access!r} {vars(broker.adapter)}"
    environment.setenv("EXEC_ALGOS_KIS_RATE", "SECRETSECRET")
    with pytest.raises(UsageError, match="EXEC_ALGOS_KIS_RATE") as wrong:
        kis_settings()
    shown += str(wrong.value)
    for secret in ("KKKKKKKK", "SSSSSSSS", "12345678", "SECRETSE"):
        assert secret not in shown
    assert isinstance(broker.kis, KISSettings)


def test_an_account_has_a_name_that_tells_accounts_apart_and_gives_none_away():
    names = {account_name(AccountNo.of(text), host) for text in ("12345678-01", "12345678-03", "22345678-01") for host in ("paper", "live")}
    assert len(names) == 6
    assert not any("2345678" in name for name in names)


def test_a_slow_limit_of_rate_is_not_eaten_by_look_ups():
    assert (live_settings(1).poll, live_settings(3).poll, live_settings(18).poll) == (4 * SECOND, 4 * SECOND // 3, SECOND)
    assert (live_settings(1).cancel_again, live_settings(1).calendar) == (8 * SECOND, "XKRX")


def parent(interval, symbol="005930"):
    return ParentOrder(symbol=symbol, side=Side.BUY, quantity=100, start=0, end=3600 * SECOND, interval=interval * SECOND)


def test_too_many_slices_for_the_limit_of_rate_are_told_with_the_interval_that_fits():
    assert too_many([parent(10)], 1) == ""
    text = too_many([parent(10), parent(10)], 1)
    assert "give each a slice interval of at least 12 s" in text
    assert too_many([parent(12), parent(12)], 1) == ""
    assert too_many([parent(10)] * 20, 18) == ""
    assert too_many([parent(3600)], 0.001) == ""  # one slice


def test_what_a_day_cost_is_compared_with_the_estimate():
    assert "a difference of -14" in str(DayCosts(1_014.4, 1_000.0))
    assert "which is the same" in str(DayCosts(1_000.4, 1_000.0))


def test_a_fill_is_charged_by_the_schedule_of_its_market(tmp_path):
    _, venue = venue_of(None, tmp_path)
    fill = Fill(NINE, "005930", 10, 62_000.0, side=Side.SELL)
    venue._markets["069500"] = "ETF"
    assert venue.charged(fill).taxes == 1_240.0  # 0.20 % of 620,000
    assert venue.charged(fill).commission == pytest.approx(1_240 + 620_000 * 0.000140527)
    assert venue.charged(fill._replace(ticker="069500")).taxes == 0.0
    assert venue.caps.estimated_fees
