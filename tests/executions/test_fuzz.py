"""A damaged file gives an error of ours, or the numbers that plain Python reads in it; never others, and never a foreign error."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import minute_bars

from exec_algos.errors import ExecAlgosError
from exec_algos.executions import analyse

DAY = "2024-01-02"
BARS = minute_bars([(10.0, 10.9, 9.1, 10.0, 1000)] * 60, symbol="X")
ORDERS = "order_id,symbol,side,quantity,start,end\n" + "".join(
    f"O{k},X,{('buy', 'sell')[k % 2]},{100 + k},{DAY} 09:{31 + k},{DAY} 10:{10 + k}\n" for k in range(6)
)
FILLS = "order_id,side,quantity,price,time,commission\n" + "".join(
    f"O{k % 6},{('buy', 'sell')[k % 2]},{10 + k},{9.5 + 0.05 * k:.2f},{DAY} 09:{40 + k}:{13 + k},{0.25 * k}\n" for k in range(12)
)
SIGNS = list("0123456789.,;-:+ eE\"'\n\t\r|=O_buysel\x00é수－９")


def damaged(text, changes):
    """A text with signs put in, taken out or changed, and lines cut or doubled."""
    for kind, place, sign in changes:
        at = place % max(len(text), 1)
        if kind == "in":
            text = text[:at] + sign + text[at:]
        elif kind == "out":
            text = text[:at] + text[at + 1 :]
        elif kind == "other":
            text = text[:at] + sign + text[at + 1 :]
        elif kind == "cut":
            text = text[:at]
        else:
            lines = text.split("\n")
            lines.insert(place % len(lines), lines[at % len(lines)])
            text = "\n".join(lines)
    return text


def plainly(text):
    """Rows of a CSV by order as plain Python reads it: quantity and price; None for a row that it does not understand."""
    found = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        try:
            shares, price = float(row["quantity"]), float(row["price"])
        except (ValueError, TypeError, KeyError):
            shares = price = math.nan
        found.setdefault(str(row.get("order_id")).strip(), []).append((shares, price))
    return found


def look(orders, fills, folder):
    """How many orders counted; an assertion where one has other numbers than plain Python reads."""
    for name, text in (("orders", orders), ("fills", fills)):
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = analyse(folder / "orders.csv", folder / "fills.csv", BARS, calendar="XNYS", algorithms=[])
    except ExecAlgosError:
        return 0
    rows, sure = plainly(fills), 0
    if "None" in rows:
        return 0  # the name of a column is damaged, and known all the same: order-_id
    for row in found.parents.itertuples():
        mine = rows.get(row.order_id, [])
        if any(math.isnan(shares * price) for shares, price in mine):
            continue  # such as 1'000, which the reader understands
        sure += 1
        filled = sum(shares for shares, _ in mine)
        assert row.filled == pytest.approx(filled)
        if filled:
            assert row.average_price == pytest.approx(sum(shares * price for shares, price in mine) / filled)
    counted = set(found.fills["parent_id"])
    assert counted <= set(found.parents["parent_id"])
    return sure


CHANGE = st.tuples(st.sampled_from(["in", "out", "other", "cut", "double"]), st.integers(0, 2000), st.sampled_from(SIGNS))


@given(st.lists(CHANGE, max_size=2), st.lists(CHANGE, max_size=3))
@settings(max_examples=40)
def test_a_damaged_csv_gives_our_error_or_the_right_numbers(tmp_path_factory, first, second):
    look(damaged(ORDERS, first), damaged(FILLS, second), tmp_path_factory.mktemp("fuzz"))


def test_what_is_whole_counts_whole(tmp_path):
    assert look(ORDERS, FILLS, tmp_path) == 6


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_parquet_gives_our_error_or_the_right_numbers(tmp_path, seed):
    import pandas as pd

    rng = np.random.default_rng(seed)
    (tmp_path / "orders.csv").write_text(ORDERS)
    frame = pd.read_csv(io.StringIO(FILLS), parse_dates=["time"])
    frame.to_parquet(tmp_path / "fills.parquet", write_page_checksum=True)
    data = bytearray((tmp_path / "fills.parquet").read_bytes())
    for place in rng.integers(4, len(data), 1 + seed % 3):
        data[place] ^= int(rng.integers(1, 256))
    (tmp_path / "damaged.parquet").write_bytes(bytes(data))
    try:
        found = analyse(tmp_path / "orders.csv", tmp_path / "damaged.parquet", BARS, calendar="XNYS", algorithms=[])
    except ExecAlgosError:
        return
    rows = plainly(FILLS)
    for row in found.parents.itertuples():
        assert row.filled == pytest.approx(sum(shares for shares, _ in rows[row.order_id]))
