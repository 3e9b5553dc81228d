"""What a command takes of the files of bars: one set of options, and one value that carries them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer

from exec_algos.cli.orders import shared, shared_with_fills
from exec_algos.cli.printing import one_line_errors
from exec_algos.market.csvformat import CsvFormat

if TYPE_CHECKING:
    from exec_algos.market.frames import Request
    from exec_algos.market.validate import OnBad

READING = "Reading bars"  # panel of --help


class Reading(NamedTuple):
    """What was said of the files; None is "see the file"."""

    format: str | None = None
    zone: str | None = None
    label: str | None = None
    step: str | None = None
    symbol: str | None = None
    on_bad: str = "raise"
    csv: CsvFormat = CsvFormat()

    def request(self) -> Request:
        """The same as readers take it."""
        from exec_algos.market.frames import Request
        from exec_algos.market.stamps import nanoseconds

        length = int(self.step) if self.step and self.step.isdigit() else self.step
        return Request(self.format, self.symbol, self.zone, self.label, nanoseconds(length), cast("OnBad", self.on_bad), self.csv)


UNSAID = Reading()
WRITTEN = ("columns", "encoding", "decimal", "price_scale", "date_format", "allow_negative", "allow_large")  # of `CsvFormat`


def _option(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=READING)


OPTIONS: dict[str, tuple[Any, Any]] = {
    "format": (
        Annotated[str | None, _option("parquet, csv, lean or a vendor: binance, metatrader, kraken ...; the content tells.")],
        None,
    ),
    "zone": (Annotated[str | None, _option("IANA zone of stamps without a UTC offset, and in which bars are shown.")], None),
    "label": (Annotated[str | None, _option("Which end of its bar a stamp names: start or end.")], None),
    "step": (Annotated[str | None, _option("Length of a bar: 1min, 5min ...")], None),
    "symbol": (Annotated[str | None, _option("The symbol, where the files name none; else the one to take.")], None),
    "on_bad": (Annotated[str, _option("What to do with rows that cannot be true: raise, drop or repair.", "--on-bad")], "raise"),
    "columns": (
        Annotated[
            str,
            _option(
                "Names of columns: open=Erster,volume=Stücke; with --no-header the fields in order: timestamp,open,high,low,close,volume "
                "(- is not used)."
            ),
        ],
        "",
    ),
    "no_header": (Annotated[bool, _option("The first row of a text file is a bar.", "--no-header")], False),
    "encoding": (Annotated[str | None, _option("Of text: cp949, cp1252, shift_jis ...; UTF-8, UTF-16 and Korean are told apart.")], None),
    "decimal": (Annotated[str | None, _option("What stands before decimals: , or .")], None),
    "price_scale": (
        Annotated[float, _option("What a price of 1 is worth: 0.0001 for prices times 10,000, 0.01 for pence.", "--price-scale")],
        1.0,
    ),
    "date_format": (Annotated[str | None, _option("Of stamps, as strptime takes it: %d/%m/%Y %H:%M; or epoch.", "--date-format")], None),
    "allow_negative": (Annotated[bool, _option("Take prices at or below zero.", "--allow-negative")], False),
    "allow_large": (Annotated[bool, _option("Take files of over 512 MiB unpacked and lines of over 1 MiB.", "--allow-large")], False),
}


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter ``reading`` is what these options say; one that the command has itself stays its own."""
    own = inspect.signature(command, eval_str=True).parameters
    added = {name: option for name, option in OPTIONS.items() if name not in own}

    @functools.wraps(command)
    def with_options(*args: Any, **given: Any) -> None:
        said = {name: given.pop(name) for name in added}
        with one_line_errors():
            if "order_columns" in given:
                shared(given, said)
            if "fill_columns" in given:
                shared_with_fills(given, said)
            reading = _reading(said)
        command(*args, **given, reading=reading)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        parameters += _expanded(added) if name == "reading" else [parameter]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_options


def _expanded(options: dict[str, tuple[Any, Any]]) -> list[inspect.Parameter]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [inspect.Parameter(name, kind, default=default, annotation=annotation) for name, (annotation, default) in options.items()]


def _reading(said: dict[str, Any]) -> Reading:
    plain = {name: said[name] for name in Reading._fields if name in said}
    written = {name: said[name] for name in WRITTEN}
    return Reading(**plain, csv=CsvFormat(header=not said["no_header"], **written))
