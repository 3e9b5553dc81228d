"""Every row that KIS answers with, as values: orders (`order_rows`), the account (`fund_rows`) and the market (`quote_rows`)."""

from exec_algos.brokers.kis.fund_rows import Balance, Holding, Power, sellable_of
from exec_algos.brokers.kis.order_rows import DailyRow, Notice, OpenRow, RowKind, changes_of, daily_rows, explained, open_rows, orders_of
from exec_algos.brokers.kis.quote_rows import (
    DayRow,
    Depth,
    Holiday,
    MinuteRow,
    Quote,
    StockInfo,
    day_rows,
    holiday_rows,
    minute_rows,
)
from exec_algos.brokers.kis.values import KST, instant

__all__ = [
    "KST",
    "Balance",
    "DailyRow",
    "DayRow",
    "Depth",
    "Holding",
    "Holiday",
    "MinuteRow",
    "Notice",
    "OpenRow",
    "Power",
    "Quote",
    "RowKind",
    "StockInfo",
    "changes_of",
    "daily_rows",
    "day_rows",
    "explained",
    "holiday_rows",
    "instant",
    "minute_rows",
    "open_rows",
    "orders_of",
    "sellable_of",
]
