"""The benchmarks of a study by name, and how tables, plots and reports call them."""

from __future__ import annotations

BENCHMARKS = {
    "interval_vwap": "slippage_vwap_bps",
    "arrival": "slippage_arrival_bps",
    "interval_twap": "slippage_twap_bps",
    "session_vwap": "slippage_session_vwap_bps",
}

NAMES = {
    "interval_vwap": "interval VWAP",
    "arrival": "arrival price",
    "interval_twap": "interval TWAP",
    "session_vwap": "session VWAP",
}


def named(key: tuple[str, str]) -> str:
    """An algorithm and a side as the tables and plots name them: ``"twap, buy"``."""
    return f"{key[0]}, {key[1].lower()}"
