"""What is said of a row whose window is past in part, or lies in a later session."""

from types import SimpleNamespace

import pytest

from exec_algos.live.orders import Asked, _clipped
from exec_algos.model import DAY, MINUTE, SECOND, Session, Side

OPEN = 1_766_413_800 * SECOND  # 2025-12-22 09:30 in New York
HOURS = Session(OPEN, OPEN + 390 * MINUTE, "America/New_York")
BROKER = SimpleNamespace(clock=SimpleNamespace(now=OPEN + 60 * MINUTE), session=lambda instant: HOURS)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (OPEN + 30 * MINUTE, ["row 2: its start 2025-12-22 10:00-05:00 is past, so it begins at once, at 2025-12-22 10:30-05:00"]),
        (OPEN + 60 * MINUTE, []),
        (OPEN + 389 * MINUTE, []),
        (
            OPEN + 60 * MINUTE + 365 * DAY,
            ["row 2: it begins 365.0 days from now, at 2026-12-22 10:30-05:00; the session waits until then"],
        ),
    ],
)
def test_a_window_that_begins_at_another_time_than_now_is_told(start, said):
    row = Asked(2, "A", "ANY", Side.BUY, 10, start, start + MINUTE, None, "twap")
    assert _clipped(row, BROKER) == said
