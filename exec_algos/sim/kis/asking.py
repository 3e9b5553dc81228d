"""What every operation of quotes asks, and how they write numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exec_algos.sim.kis.calls import Answer, Call, refused

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

KRX, NXT, BOTH = "J", "NX", "UN"
OF_BOTH = 1.3
"""Volume of KRX and NXT together over that of KRX, of which alone the market was recorded."""


class Asked(NamedTuple):
    """The symbol of a call; whether its market trades it; `wrong`: the refusal of a market that there is not; `scale`: of volumes."""

    symbol: str
    known: bool
    wrong: Answer | None
    scale: float


def asked(world: World, call: Call) -> Asked:
    """What a call asks. NXT alone is not simulated, and knows no symbol."""
    market, symbol = call.fields["FID_COND_MRKT_DIV_CODE"], call.fields["FID_INPUT_ISCD"]
    wrong = None if market in (KRX, NXT, BOTH) else refused("OPSQ2001", f"ERROR INVALID FID_COND_MRKT_DIV_CODE {market}")
    return Asked(symbol, symbol in world.exchange.market.ticks and market != NXT, wrong, OF_BOTH if market == BOTH else 1.0)


def number(value: float) -> str:
    """A price as quotes write it: whole KRW."""
    return f"{value:.0f}"


def sign(moved: float) -> str:
    """``prdy_vrss_sign``: 2 up, 3 unchanged, 5 down."""
    return "2" if moved > 0 else "5" if moved < 0 else "3"


def percent(moved: float, base: float) -> str:
    """``prdy_ctrt``: by how many percent a price moved from its base."""
    return f"{moved / base * 100 if base else 0:.2f}"
