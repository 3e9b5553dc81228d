"""Answers and notices of KIS, each damaged at one place or more: what is read of them stands in them, or is refused by our own errors.

python tests/proofs/kis_mutants.py [count=20000] [seed=0]; the tests of the package run a fiftieth of it. It ends with 1 if one is wrong.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from kis_payloads import ACCOUNT, EXAMPLES, LIVE

from exec_algos.brokers.kis import messages
from exec_algos.brokers.kis.codes import Class, classify
from exec_algos.brokers.kis.messages import Ask, Reply, envelope
from exec_algos.brokers.kis.rows import (
    Balance,
    Depth,
    Notice,
    Power,
    Quote,
    RowKind,
    daily_rows,
    instant,
    minute_rows,
    open_rows,
    orders_of,
)
from exec_algos.brokers.venue import Intent, Placed
from exec_algos.errors import VenueError
from exec_algos.model import Side

DAY = "20261123"
INTENT = Intent(own_id="", symbol="005930", side=Side.BUY, quantity=100, limit=62_400.0)
PLACED = Placed(venue_id="0001569157", own_id="", symbol="005930", side=Side.BUY, quantity=100, open=60)
ORDER, CANCEL = messages.order(LIVE, ACCOUNT, INTENT, "00"), messages.cancel(LIVE, ACCOUNT, PLACED, "06010", "00")
READ = messages.balance(LIVE, ACCOUNT)
BALANCE = {
    "rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "ctx_area_fk100": "50123456^01", "ctx_area_nk100": "",
    "output1": [{"pdno": "005930", "hldg_qty": "100", "ord_psbl_qty": "60", "pchs_avg_pric": "62400.5000", "loan_dt": ""}],
    "output2": [{"dnca_tot_amt": "10000000", "nxdy_excc_amt": "9000000", "prvs_rcdl_excc_amt": "8000000", "thdt_tlex_amt": "4952"}],
}  # fmt: skip
POWER = {"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output": {
    "ord_psbl_cash": "10000000", "nrcvb_buy_amt": "9998595", "nrcvb_buy_qty": "124", "psbl_qty_calc_unpr": "80600"}}  # fmt: skip
PRICE = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", "output": {
    "stck_prpr": "62400", "stck_sdpr": "62000", "stck_mxpr": "80600", "stck_llam": "43400", "aspr_unit": "100", "acml_vol": "4120338",
    "temp_stop_yn": "N", "iscd_stat_cls_code": "55", "vi_cls_code": "N", "rprs_mrkt_kor_name": "KOSPI200"}}  # fmt: skip
OPEN = {"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "", "output": [{
    "ord_gno_brno": "06010", "odno": "0001569157", "orgn_odno": "", "pdno": "005930", "ord_qty": "100", "ord_unpr": "62400",
    "ord_tmd": "100312", "tot_ccld_qty": "40", "tot_ccld_amt": "2496000", "psbl_qty": "60", "sll_buy_dvsn_cd": "02", "ord_dvsn_cd": "00",
    "excg_id_dvsn_cd": "KRX"}]}  # fmt: skip
POSTS = ("order taken", "order above cash", "order out of hours", "throttled", "token expired")
READS = ("fills page 1", "fills page 2", "book", "minutes")
NOTICES = ("notice of acceptance", "notice of execution")
ODD: tuple[Any, ...] = (
    "", " ", "-", "0", "00", "1", "7", "-1", "+1", "1.5", "40", "60", "100", "62400", "62400.0000", " 10", "1e5", "1E400", "NaN", "inf",
    "-Infinity", "9" * 18, "9" * 400, "1,000", "٣", "５", "¼", "\0", "\ud800", "취소", "정정", "Y", "N", "01", "02", "20261131", "240000",
    "EGW00201", "EGW00301", "APBK0918", "APBK7777", "KIOK0560", "MCA00000", None, True, False, 0, 1, -1, 40, 1.5, 1e400, [], {}, [[]],
    [{}], {"x": "y"}, ["0"],
)  # fmt: skip
HEADERS = (None, "", "F", "M", "D", "E", "N", "x", "FF")
STATUSES = (200,) * 6 + (500, 502, 403, 302, 204)


class WrongError(Exception):
    """Something was read that does not stand in the answer."""


def check(holds: bool, what: str, *values: object) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise WrongError(f"{what}: {values!r:.600}")


# damage


@st.composite
def damaged_bytes(draw: Callable[..., Any], body: bytes) -> bytes:
    """Bits, bytes and pieces of it; another encoding."""
    at = draw(st.integers(0, max(len(body) - 1, 0)))
    end = min(at + draw(st.sampled_from((1, 2, 4, 8, 30, 200))), len(body))
    kind = draw(st.integers(0, 7))
    made = {0: b"", 1: bytes([body[at] ^ (1 << draw(st.integers(0, 7)))]) + body[at + 1 : end] if body else b"", 2: body[at:end] * 2,
            3: draw(st.binary(max_size=4)), 4: b"\0" * (end - at)}.get(kind)  # fmt: skip
    if made is not None:
        return body[:at] + made + body[end:]
    if kind == 5:
        return body[:at]
    text = body.decode(errors="replace")
    return text.encode(draw(st.sampled_from(("cp949", "utf-16", "utf-8-sig", "latin-1"))), errors="replace")


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value below its root."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, child in children for found in ((*path, key), *places(child, (*path, key)))]


@st.composite
def damaged_json(draw: Callable[..., Any], said: Any) -> bytes:
    """One place or more of it: another value, none, twice, under another name, that of another place."""
    node = json.loads(json.dumps(said))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        known = places(node)
        if not known:
            break
        *path, last = draw(st.sampled_from(known))
        parent = node
        for key in path:
            parent = parent[key]
        kind = draw(st.integers(0, 6))
        if kind == 0:
            del parent[last]
        elif kind == 1 and isinstance(parent, list):
            parent.append(deepcopy(parent[last]))
        elif kind == 2 and isinstance(parent, dict):
            parent[draw(st.sampled_from((last.upper(), last.swapcase(), last + " ")))] = parent.pop(last)
        elif kind == 3:
            *other, name = draw(st.sampled_from(known))
            parent[last] = deepcopy(parent[name]) if other == path and name in parent else [parent[last]]
        else:
            parent[last] = deepcopy(draw(st.sampled_from(ODD)))
    return json.dumps(node, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


@st.composite
def replies(draw: Callable[..., Any]) -> tuple[str, Reply]:
    """An answer that is damaged, and which it was."""
    name = draw(st.sampled_from(sorted(ANSWERS)))
    body = draw(damaged_json(json.loads(ANSWERS[name])) if draw(st.integers(0, 3)) else damaged_bytes(ANSWERS[name].encode()))
    cont = draw(st.sampled_from(HEADERS))
    return name, Reply(draw(st.sampled_from(STATUSES)), {} if cont is None else {"tr_cont": cont}, body)


@st.composite
def records(draw: Callable[..., Any]) -> tuple[str, list[str]]:
    """The fields of a notice that is damaged."""
    fields = EXAMPLES[draw(st.sampled_from(NOTICES))].split("^")
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        at, kind = draw(st.integers(0, len(fields) - 1)) if fields else 0, draw(st.integers(0, 4))
        if kind == 0:
            fields = fields[:at]
        elif kind == 1:
            fields = fields[:at] + fields[at + 1 :]
        elif kind == 2:
            fields.insert(at, draw(st.text(max_size=5)))
        elif fields:
            fields[at] = draw(st.sampled_from([str(value) for value in ODD]))
    return "notice", fields


# what holds of all that is read


def plain(body: bytes) -> Any:
    """An answer as another reader sees it: keys in lower case, every number a text."""
    said = json.loads(body.decode(), parse_int=str, parse_float=str, parse_constant=str)
    lower: Callable[[Any], Any] = lambda node: (  # noqa: E731
        {key.lower(): lower(value) for key, value in node.items()} if isinstance(node, dict)
        else [lower(value) for value in node] if isinstance(node, list) else node
    )  # fmt: skip
    return lower(said)


def number(text: str) -> Decimal:
    """A number as it stands; nothing is 0."""
    return Decimal(text.strip().rstrip("-") or "0")


def check_post(ask: Ask, reply: Reply) -> str:
    """An answer to an order or cancel is what its own JSON says, and unknown where that says nothing."""
    said = classify(ask, reply)
    check(said.cls is not Class.RETRY and said.cls is not Class.NOT_SENT, "an order is asked again", said)
    if said.cls is Class.UNKNOWN:
        return said.cls.value
    raw = plain(reply.body)
    output = raw.get("output")
    odno = output.get("odno", "") if isinstance(output, dict) else ""
    if said.cls is Class.OK:
        check(raw["rt_cd"] == "0" and 0 < int(odno) < 10**10, "an order is taken without a number", raw)
        check(said.envelope is not None and said.envelope.odno == odno.strip().zfill(10), "another number", said, raw)
        return said.cls.value
    check(str(raw.get("rt_cd", "1")) != "0", "an order is refused that was taken", raw)
    check(not isinstance(odno, str) or not odno.strip().strip("0"), "an order is refused that has a number", raw)
    check(said.code == (raw.get("msg_cd") or raw.get("error_code")).strip(), "another code", said, raw)
    return said.cls.value


def check_orders(reply: Reply) -> str:
    """Rows of orders are those of the JSON, and their quantities add up."""
    rows = daily_rows(envelope(reply))
    raw = plain(reply.body).get("output1") or []
    raw = [raw] if isinstance(raw, dict) else raw
    check(len(raw) == len(rows), "another number of rows", len(rows), raw)
    for row, source in zip(rows, raw, strict=True):
        check(row.filled == number(source["tot_ccld_qty"]), "another filled quantity", row, source)
        check(row.open == number(source["rmn_qty"]), "another open quantity", row, source)
        check(row.quantity == number(source["ord_qty"]), "another quantity", row, source)
        check(Decimal(row.amount) == number(source["tot_ccld_amt"]), "another amount", row, source)
        check((row.filled > 0) == (row.amount > 0), "a fill without value", row)
        check(row.side is {"01": Side.SELL, "02": Side.BUY}[source["sll_buy_dvsn_cd"].strip()], "another side", row, source)
        check(row.time == instant(source["ord_dt"].strip(), source["ord_tmd"].strip()), "another time", row, source)
    for order in orders_of(rows):
        check(order.unexplained == 0 and order.kind is not RowKind.CANCEL, "quantities do not add up", order)
        check(min(order.filled, order.open, order.cancelled, order.rejected) >= 0, "a negative quantity", order)
    return "orders" if rows else "no orders"


def check_open(reply: Reply) -> str:
    """Rows of the open list have no more open than is left."""
    rows = open_rows(envelope(reply), DAY)
    for row in rows:
        check(0 <= row.open <= row.quantity - row.filled, "more is open than is left", row)
        check((row.filled > 0) == (row.amount > 0), "a fill without value", row)
    return "open orders" if rows else "no open orders"


def check_book(reply: Reply) -> str:
    """Levels are in order, each with a price and shares."""
    book = Depth.of(envelope(reply), DAY)
    for levels, rising in ((book.asks, 1), (book.bids, -1)):
        prices = [price * rising for price, _ in levels]
        check(prices == sorted(set(prices)) and all(0 < price < 1e19 and size > 0 for price, size in levels), "levels", levels)
    return "book"


def check_bars(reply: Reply) -> str:
    """Bars lie within their ranges."""
    for row in minute_rows(envelope(reply)):
        check(0 < row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high < 1e19, "a bar", row)
        check(row.volume >= 0, "a volume", row)
    return "bars"


def check_funds(reply: Reply) -> str:
    """Holdings and cash are those of the JSON."""
    found = Balance.of([envelope(reply)])
    raw = plain(reply.body)
    rows = raw["output1"] if isinstance(raw["output1"], list) else [raw["output1"]]
    cash = raw["output2"][0] if isinstance(raw["output2"], list) else raw["output2"]
    held = {row["pdno"].strip(): number(row["hldg_qty"]) for row in rows}
    check(
        {row.symbol: row.quantity for row in found.holdings} == {symbol: shares for symbol, shares in held.items() if shares},
        "holdings",
        found,
    )
    check(Decimal(found.cash) == number(cash["dnca_tot_amt"]), "cash", found, cash)
    return "balance"


def check_power(reply: Reply) -> str:
    """Buying power is a number."""
    found = Power.of(envelope(reply))
    check(found.quantity >= 0 and 0 <= found.amount < 1e19, "buying power", found)
    return "buying power"


def check_price(reply: Reply) -> str:
    """A quote is a number, or not known."""
    found = Quote.of(envelope(reply))
    check(0 <= found.last < 1e19 and not found.lower > found.upper and not found.tick <= 0, "a quote", found)
    return "quote"


def check_notice(fields: list[str]) -> str:
    """A fill has the shares and the price that stand in its fields."""
    found = Notice.of(fields)
    if found.executed:
        check(found.quantity == number(fields[9]) > 0 and Decimal(found.price) == number(fields[10]) > 0, "a fill", found, fields)
        check(fields[13].strip() == "2", "a fill that is none", fields)
    return "fill" if found.executed else "notice"


ANSWERS = {name: EXAMPLES[name] for name in (*POSTS, *READS)} | {
    name: json.dumps(said, ensure_ascii=False) for name, said in (("balance", BALANCE), ("power", POWER), ("price", PRICE), ("open", OPEN))
}
CHECKS: dict[str, Callable[[Reply], str]] = {
    "fills page 1": check_orders, "fills page 2": check_orders, "book": check_book, "minutes": check_bars, "balance": check_funds,
    "power": check_power, "price": check_price, "open": check_open,
}  # fmt: skip


def outcome(name: str, said: Any) -> str:
    """What became of a damaged message."""
    try:
        if name == "notice":
            return check_notice(said)
        for ask in (ORDER, CANCEL):
            became = check_post(ask, said)
        if name in POSTS:
            return f"order {became}"
        if classify(READ, said).cls is not Class.OK:
            return "refused"
        return CHECKS[name](said)
    except VenueError as error:
        check("50123456" not in str(error), "a message shows the account", str(error))
        return "refused"


def prove(count: int, number_of_seed: int) -> Counter[str]:
    """What became of `count` damaged messages; raises at the first that was read wrongly."""
    seen: Counter[str] = Counter()

    @seed(number_of_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.one_of(replies(), replies(), replies(), records()))
    def damage(message: tuple[str, Any]) -> None:
        became = outcome(*message)
        seen[became] += 1

    damage()
    return seen


def main(arguments: list[str]) -> int:
    """Run it, and print count, seed and what became of them."""
    given_values = {"count": 20_000, "seed": 0} | {name: int(value) for name, value in (text.split("=") for text in arguments)}
    seen = prove(given_values["count"], given_values["seed"])
    print(f"{seen.total()} damaged answers and notices of KIS, seed {given_values['seed']}: 0 foreign errors, 0 read wrongly")
    for became, times in seen.most_common():
        print(f"  {times:6} {became}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
