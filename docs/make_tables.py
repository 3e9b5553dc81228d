"""Write the tables of docs/algorithms.md and docs/data.md from what is registered: `make docs`, or ``python docs/make_tables.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from exec_algos import executors
from exec_algos.algorithms import ALGORITHMS, Algorithm
from exec_algos.algorithms.base import INTERVAL
from exec_algos.algorithms.guide import Parameter
from exec_algos.market.vendors import VENDORS

PAGES = [Path(__file__).parent / name for name in ("algorithms.md", "data.md")]


def table(header: str, rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    names = header.split(", ")
    return "\n".join(f"| {' | '.join(row)} |" for row in [tuple(names), *rows]).replace("\n", f"\n|{'---|' * len(names)}\n", 1)


def which_one() -> Iterator[tuple[str, ...]]:
    """A row for each algorithm."""
    for name, kind in ALGORITHMS.items():
        own = f"{kind.__name__}Executor"
        executor = own if hasattr(executors, own) else "AlgorithmExecutor"
        yield f"`{name}`", f"`{kind.__name__}`", f"`{executor}`", *kind.guide


def default(kind: type[Algorithm], name: str) -> str:
    """A default as the text form writes it."""
    value = kind.__dataclass_fields__[name].default
    return "none" if value is None else f"{value:g}"


def row(name: str, kind: type[Algorithm], parameter: str, said: Parameter) -> tuple[str, ...]:
    """A row for one parameter."""
    return name, f"`{parameter}`", default(kind, parameter), said.unit, said.within, said.meaning


def parameters() -> Iterator[tuple[str, ...]]:
    """A row for each parameter: those of all algorithms first."""
    yield row("all", Algorithm, "slice_interval_seconds", INTERVAL)
    for name, kind in ALGORITHMS.items():
        own = [field.name for field in fields(kind) if field.name in kind.parameters]
        yield from (row(f"`{name}`", kind, parameter, kind.parameters[parameter]) for parameter in own)


def vendors() -> Iterator[tuple[str, ...]]:
    """A row for each sample of each vendor: what it looks like, and the line that reads it."""
    for name, vendor in VENDORS.items():
        for sample in vendor.samples:
            said = "".join(f", {key}={value!r}" for key, value in sample.said.items() if key != "symbol").replace("'", '"')
            yield (
                f"`{name}`",
                f"`{sample.file}`",
                f"`{shown(sample.text)}`",
                f'`Bars.read("{sample.file}"{said})`',
                vendor.label or "ask",
                vendor.zone or ("in the stamps" if "zone" not in sample.said or stamped(sample.text) else "ask"),
                vendor.source,
            )


def stamped(text: str) -> bool:
    """Whether a sample's stamps have an offset."""
    return "+00:00" in text or '0Z"' in text


def shown(text: str, most: int = 96) -> str:
    """The beginning of a sample in one line."""
    line = " ⏎ ".join(text.replace("\t", " ⇥ ").splitlines()[:2])
    return line if len(line) <= most else f"{line[: most - 4]} ..."


TABLES = {
    "vendors": ("vendor, file, its first rows, the line that reads it, a stamp is the, zone, form seen in", vendors),
    "which one": ("algorithm, value, executor, what it follows, what it minimises, when to use, source", which_one),
    "parameters": ("algorithm, parameter, default, unit, range, what it is", parameters),
}


def made(text: str) -> str:
    """The page with its tables written anew, each between its two marks."""
    for name, (header, rows) in TABLES.items():
        begin, end = f"<!-- {name}: written by docs/make_tables.py -->", f"<!-- end of {name} -->"
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", f"{begin}\n{table(header, rows())}\n{end}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")
