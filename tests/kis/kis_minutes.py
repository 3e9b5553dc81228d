"""A tape of minute bars, and pages of it as KIS gives them."""

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(day, clock):
    """``at("20261123", "10:00")``: ns UTC of a time in Seoul."""
    moment = datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M").replace(tzinfo=UTC) - timedelta(hours=9)
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND


def clock_of(instant):
    moment = EPOCH + timedelta(seconds=instant // SECOND) + timedelta(hours=9)
    return f"{moment:%Y%m%d}", f"{moment:%H%M%S}"


def row(instant, volume, turnover, price=62_400, seconds=0):
    """A row as KIS writes it."""
    day, hour = clock_of(instant + seconds * SECOND)
    prices = dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), f"{price}")
    return {"stck_bsop_date": day, "stck_cntg_hour": hour, **prices, "cntg_vol": f"{volume}", "acml_tr_pbmn": f"{turnover}"}


def tape(day, first="09:00", last="15:20", volume=100, *, cross=500, skip=()):
    """A day's rows, oldest first: the volume of the k-th minute is ``volume + k``; nothing from 15:21 on, the closing auction at 15:30."""
    rows, turnover, instant = [], 0, at(day, first)
    for k in range((at(day, last) - instant) // MINUTE + 1):
        start = instant + k * MINUTE
        if clock_of(start)[1][:4] not in skip:
            turnover += (volume + k) * 62_400
            rows.append(row(start, volume + k, turnover))
    return [*rows, row(at(day, "15:30"), cross, turnover + cross * 62_400)] if cross else rows


def page(rows, hour, size, day=None):
    """The last `size` rows of a day at or before a time of day, newest first."""
    return [each for each in reversed(rows) if each["stck_cntg_hour"] <= hour and day in (None, each["stck_bsop_date"])][:size]
