"""`KISFaults`: what a simulated KIS does wrong on demand, by a script or by rates under a seed."""

from __future__ import annotations

from typing import ClassVar

from exec_algos.sim.faults import Faults, Kinds

CLASSES = ("order", "cancel", "read", "ledger", "token", "push", "any")
"""Orders; cancels and changes; every GET; reads of the ledger (which are reads too); tokenP; what is pushed; every REST call but tokenP."""

CALLS = ("order", "cancel", "read", "ledger", "any")
DONE = {
    "accept_silent": "silent",
    "accept_reset": "reset",
    "accept_timeout_code": "timeout_code",
    "accept_500_html": "500_html",
    "accept_502": "502",
    "slow": "slow",
    "half_body": "half_body",
    "wrong_encoding": "wrong_encoding",
    "empty_body": "empty_body",
}
"""Faults after which the call was carried out, and how the answer is lost; each has a form in which nothing was done."""
LATER = ("accept_late",)
"""The call is carried out `seconds` later, and nobody answers."""
NOT_DONE = {f"{how}_unaccepted": how for how in DONE.values()} | {"reset_before": "reset", "refused_before": "refused"}
ORDERS_ONLY = ("no_odno", "no_odno_unaccepted")
GATEWAY = ("egw00201", "egw00215", "token_expired")
LEDGER_DONE = ("egw00215_accepted",)
SPOILT = ("bad_json", "close_mid_body", "gzip")
PAGES = ("missing_tr_cont", "output_object", "output_missing")
LAGS = ("lag", "lag_daily", "lag_open", "lag_notice")
DESK = {"exchange_rejects": ("order",), "fill_wins": ("cancel",), "push_early": ("order", "push")}
PUSH = ("push_lost", "push_duplicate", "push_disorder", "push_odd", "drop", "stall", "linger")

FAULTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(DONE, (*CALLS, "token")),
    **dict.fromkeys(NOT_DONE, (*CALLS, "token")),
    **dict.fromkeys((*ORDERS_ONLY, *LATER, *LEDGER_DONE), ("order", "cancel")),
    **dict.fromkeys(GATEWAY, CALLS),
    **dict.fromkeys(SPOILT, (*CALLS, "token")),
    **dict.fromkeys(PAGES, ("read", "ledger")),
    **dict.fromkeys(LAGS, ("order",)),
    **DESK,
    **dict.fromkeys(PUSH, ("push",)),
}
DRAWN = dict.fromkeys((*DONE, *NOT_DONE, *GATEWAY, *SPOILT), ("order", "cancel", "read"))


class KISFaults(Faults):
    """`Faults` of a simulated KIS. ``late_seconds``: how long a slow answer takes where a script does not say, in venue time."""

    kinds: ClassVar[Kinds] = Kinds(CLASSES, FAULTS, DRAWN)
