"""The text form of presets, spreads and impacts: ``name`` or ``name:parameter=value,parameter=value``, as the command line takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from exec_algos.costs.commission import Commission
from exec_algos.costs.impact import AlmgrenImpact, SquareRootImpact, TransientImpact
from exec_algos.costs.spread import EstimatedSpread, FixedSpread, QuotedSpread, Spread, TickSpread
from exec_algos.costs.ticks import krx_ticks
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.presets import Preset, crypto, frictionless, krx_equity, us_equity
from exec_algos.textform import known_once, split_text

Impact = SquareRootImpact | AlmgrenImpact | TransientImpact


class Form(NamedTuple):
    """What a name stands for: how it is made, the kind of each parameter, and those that must be given."""

    make: Callable[..., Any]
    kinds: Mapping[str, type]
    needed: tuple[str, ...] = ()


def _ticks(tick: float | None = None, market: str | None = None, count: float = 1.0) -> TickSpread:
    if (tick is None) == (market is None):
        raise UsageError("a spread in ticks needs either a tick or a market: ticks:tick=0.01 or ticks:market=KOSPI")
    return TickSpread(krx_ticks(market) if market is not None else tick, count)  # type: ignore[arg-type]


def _quoted(fallback_bps: float, **knobs: Any) -> QuotedSpread:
    return QuotedSpread(FixedSpread(fallback_bps), **knobs)


def _estimated(estimator: str, fallback_bps: float, **knobs: Any) -> EstimatedSpread:
    return EstimatedSpread(FixedSpread(fallback_bps), estimator, **knobs)


def _priced(make: Callable[..., Preset], commission: float | None = None, **knobs: Any) -> Preset:
    return make(**knobs) if commission is None else make(commission=Commission(rate=commission), **knobs)


ESTIMATORS = ("corwin_schultz", "abdi_ranaldo", "roll")
SPREADS = {
    "fixed": Form(FixedSpread, {"bps": float}, ("bps",)),
    "ticks": Form(_ticks, {"tick": float, "market": str, "count": float}),
    "quoted": Form(_quoted, {"fallback_bps": float, "max_age": float}, ("fallback_bps",)),
    **{name: Form(partial(_estimated, name), {"fallback_bps": float, "days": int}, ("fallback_bps",)) for name in ESTIMATORS},
}
_TIMES = {"half_life_seconds": float, "decay_power": float, "decay_seconds": float, "permanent": float, "daily_volume": float}
_SIZES = ("volatility", "daily_volume", "shares_outstanding")
IMPACTS = {
    "square_root": Form(SquareRootImpact, {"coefficient": float}, ("coefficient",)),
    "transient": Form(TransientImpact, {"coefficient": float, "size": str, **_TIMES}, ("coefficient",)),
    "almgren": Form(AlmgrenImpact, dict.fromkeys(_SIZES, float), _SIZES),
}
PRESETS = {
    "krx_equity": Form(partial(_priced, krx_equity), {"market": str, "commission": float}),
    "us_equity": Form(partial(_priced, us_equity), {"whole_cents": bool, "commission": float}),
    "crypto": Form(crypto, {"taker": float, "maker": float, "tick": float, "lot_size": float}),
    "frictionless": Form(frictionless, {}),
}


def parse_preset(text: str) -> Preset:
    """A preset: ``"krx_equity:market=KOSDAQ,commission=0.00015"``, ``"us_equity"``, ``"crypto:maker=0.0002"``, ``"frictionless"``.

    Raises
    ------
    UnknownNameError
        No such preset or parameter.
    UsageError
        A value that cannot be.
    """
    made: Preset = _made("preset", text, PRESETS)
    return made


def parse_spread(text: str) -> Spread:
    """A spread: ``"fixed:bps=5"``, ``"ticks:tick=0.01"``, ``"ticks:market=KOSPI,count=2"``, ``"quoted:fallback_bps=5"``, ``"corwin_schultz:fallback_bps=5"``.

    Also ``abdi_ranaldo`` and ``roll``. `fallback_bps` holds where there are no quotes, or no estimate.

    Raises
    ------
    UnknownNameError
        No such spread or parameter.
    UsageError
        A parameter that is missing, or a value that cannot be.
    """  # noqa: E501 - one line of forms
    made: Spread = _made("spread", text, SPREADS)
    return made


def parse_impact(text: str) -> Impact:
    """An impact: ``"square_root:coefficient=0.001"`` or its coefficient alone, ``"transient:coefficient=0.01,half_life_seconds=600"``, ``"almgren:..."``.

    Raises
    ------
    UnknownNameError
        No such impact or parameter.
    UsageError
        A parameter that is missing, or a value that cannot be.
    """  # noqa: E501 - one line of forms
    made: Impact = _made("impact", text if not _is_number(text) else f"square_root:coefficient={text}", IMPACTS)
    return made


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _made(kind: str, text: str, forms: Mapping[str, Form]) -> Any:
    name, parameters = split_text(text)
    if name not in forms:
        raise UnknownNameError(kind, name, forms)
    form = forms[name]
    given = {key: _value(key, value, form.kinds[key]) for key, value in known_once(name, text, parameters, form.kinds)}
    missing = [key for key in form.needed if key not in given]
    if missing:
        raise UsageError(f"{kind} {text!r} needs {', '.join(missing)}: {name}:{','.join(f'{key}=...' for key in form.needed)}")
    return form.make(**given)


def _value(key: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if text not in ("true", "false"):
            raise UsageError(f"{key} is true or false, got {text!r}")
        return text == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{key} needs a {'whole ' if kind is int else ''}number, got {text!r}") from error
