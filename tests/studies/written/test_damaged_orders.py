"""Files of orders with bytes changed, lost and put in: orders that can be worked, or an error of ours; nothing else."""

import gzip
import random

import pytest
from markets import DAYS, market

from exec_algos import ParentOrders
from exec_algos.errors import UsageError

BARS = market(5, ("AAA",), missing=0.0, silent=0.0)
DAY = DAYS[2]
PLAIN = "order_id,symbol,side,quantity,start,end\n" + "".join(
    f'{number},AAA,{"BS"[number % 2]},"{quantity}",{DAY} 10:00,{DAY} 12:00\n'
    for number, quantity in enumerate(("1,000", "5", "0.5", "7", "1e3", "12,345,678"))
)
KOREAN = (
    "종목코드;매매구분;수량;시작;종료\n"
    f"AAA;매수;1.000,5;20251126-15:00:00.123;{DAY} 오후 1:30\nAAA;매도;0,5;20251126-15:00:00;{DAY} 13:00\n"
)
CODES = (
    "Ticker\tB/S\tQty\tStartTime\tEndTime\n"
    "AAA\t1\t1 000\t45987.4166666667\t2025-11-26T12:00:00-05:00\nAAA\t2\t7\t1764169200000\t20251126 12:00:00 ET\n"
)
FILES = {
    "utf-8": PLAIN.encode(),
    "cp949": KOREAN.encode("cp949"),
    "utf-16": CODES.encode("utf-16"),
    "gzip": gzip.compress(PLAIN.encode()),
}
PUT_IN = (
    b'"',
    b",",
    b";",
    b"\n",
    b"\r",
    b"\0",
    b"9" * 20,
    b"e",
    b"-",
    b"(",
    b"\xef\xbb\xbf",
    b"=",
    b"'",
    b" ",
    b"\xc2\xa0",
    b"1e400",
    b"nan",
    b"%",
)
SAID = (
    {},
    {},
    {"decimal": ","},
    {"date_format": "day-first"},
    {"date_format": "epoch-s"},
    {"sides": "B=sell,S=buy"},
    {"columns": "quantity=side"},
)


def damaged(content, rng):
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at, kind = rng.randrange(len(found)), rng.randrange(5)
        if kind == 0:
            found[at] = rng.randrange(256)
        elif kind == 1:
            del found[at : at + rng.randrange(1, 9)]
        elif kind == 2:
            found[at:at] = rng.choice(PUT_IN)
        elif kind == 3:
            found[at:at] = found[at : at + rng.randrange(1, 60)]
        else:
            found = found[:at]
        found = found or bytearray(b"x")
    return bytes(found)


def worked_or_refused(path, said):
    """The orders of a file, or None where it is refused by its name."""
    try:
        return ParentOrders.from_csv(path, BARS, calendar="XNYS", lot_size=0.5, **said)
    except UsageError as refused:
        return None if str(refused).startswith(str(path)) else refused


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_worked_or_refused_by_its_name(tmp_path, name):
    rng, path = random.Random(7), tmp_path / "desk.csv"
    path.write_bytes(FILES[name])
    assert len(ParentOrders.from_csv(path, BARS, calendar="XNYS", lot_size=0.5)) in {2, 6}
    for _ in range(150):
        path.write_bytes(damaged(FILES[name], rng))
        found = worked_or_refused(path, rng.choice(SAID))
        assert found is None or ((found.lots > 0).all() and (found.start < found.end).all())
