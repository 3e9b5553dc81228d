"""The page: everything that the template needs, and the text that comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from exec_algos.reports.analysis import Costs
from exec_algos.reports.answer import answer, named
from exec_algos.reports.assets import THEME, assets, csp_hash, text
from exec_algos.reports.charts import CHARTS
from exec_algos.reports.definitions import DEFINITIONS
from exec_algos.reports.groups import by_tables, money_table
from exec_algos.reports.orders import Extreme, extremes, orders_table
from exec_algos.reports.subject import Subject
from exec_algos.reports.tables import filled as filled_table
from exec_algos.reports.tables import findings as findings_table
from exec_algos.reports.tables import least_filled as least_filled_table
from exec_algos.reports.tables import pairs as pairs_table
from exec_algos.reports.tables import skipped as skipped_table
from exec_algos.reports.tables import slippage as slippage_table
from exec_algos.reports.tables import unfilled as unfilled_table
from exec_algos.reports.words import assumptions, cautions, hashes, left_out, outside, simulated, title
from exec_algos.studies.record.data import data_lines
from exec_algos.textform import visible

LIBRARIES = ("plotly-basic.min.js", "tabulator.min.js")
SECTIONS = (
    ("cost", "Cost"), ("parts", "Parts"), ("groups", "Groups"), ("time", "Time"), ("filled", "Filled"), ("orders", "Orders"),
    ("left", "Left out"), ("data", "Data"), ("methods", "Methods"),
)  # fmt: skip
MOST_LINES = 4  # of a list on the first screen; the rest is below


def page_of(subject: Subject, costs: Costs) -> str:
    """The page as text: the same study gives the same bytes."""
    charts = {chart.__name__: chart(subject) for chart in CHARTS}
    ends, orders = extremes(subject), orders_table(subject)
    figures = [figure for figure in (*charts.values(), *(order.figure for order in _all(ends))) if not figure.missing]
    data = {"figures": {figure.id: figure.record() for figure in figures}, "orders": orders.columns if len(subject.shown) else None}
    scripts = [*(text(file) for file in LIBRARIES), _own("report.js")]
    return _rendered(
        **_texts(subject, costs), charts=charts, extremes=ends, orders_note=orders.note and f"Of the orders, {orders.note}.",
        page_data=_json(data), scripts=scripts, policy=_policy(scripts),
        style="".join([text("tabulator.min.css"), _own("report.css"), text(THEME)]),
        libraries=", ".join(f"{asset.name} {asset.version} ({asset.licence})" for asset in assets() if asset.file in LIBRARIES),
    )  # fmt: skip


def _texts(subject: Subject, costs: Costs) -> dict[str, Any]:
    """Sentences and tables of the page."""
    result = subject.result
    main, *others = slippage_table(result)
    pairs, in_money = pairs_table(result), money_table(subject)
    return {
        "title": title(result), "answer": answer(subject), "caution": cautions(result), "first": _first(subject),
        "sections": SECTIONS, "costs_by_algorithm": [table for table in (main, in_money, pairs, *others) if table is not None],
        "costs": costs, "by": by_tables(subject), "power": _once(subject, costs.power), "filled": filled_table(subject),
        "unfilled": unfilled_table(result),
        "least_filled": least_filled_table(result), "base": named(subject.algorithms[0]), "skipped": skipped_table(result),
        "outside": outside(result), "data": data_lines(result.findings), "sessions": result.config["calendar"],
        "findings": findings_table(result), "assumptions": assumptions(result), "definitions": DEFINITIONS,
        "hashes": hashes(result), "version": version("exec_algos"),
        "config": json.dumps(result.config, indent=2, default=str, ensure_ascii=False),
    }  # fmt: skip


def _once(subject: Subject, lines: Mapping[str, str]) -> dict[str, str]:
    """Lines by algorithm and side, those of sells left out where each has a twin."""
    return {name: line for name, line in lines.items() if not (subject.note and name.endswith(", sell"))}


def _first(subject: Subject) -> list[tuple[str, list[str]]]:
    """The lists of the first screen: what was simulated, what was left out, what is odd in the data."""
    result = subject.result
    odd = data_lines(result.findings)
    lists = [
        ("What was analysed" if "own_fills" in result.config else "What was simulated", simulated(result)),
        ("What was left out", left_out(result)),
        ("Data", _cut(odd) or ["nothing in the bars lies beyond the limits"]),
    ]
    return [(heading, lines) for heading, lines in lists if lines]


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"{more} more below"] if more > 0 else list(lines)


def _all(ends: dict[str, list[Extreme]]) -> list[Extreme]:
    return [order for orders in ends.values() for order in orders]


def _json(data: Any) -> str:
    """JSON that ends no script element, whatever names stand in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _policy(scripts: list[str]) -> str:
    """What the page may do: run these scripts and no other, and ask for nothing."""
    hashes = " ".join(csp_hash(script) for script in scripts)
    # plotly and Tabulator write styles into elements; plotly's button that saves a picture draws from a blob
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def _own(file: str) -> str:
    return files("exec_algos.reports").joinpath(file).read_text(encoding="utf-8")


def _rendered(*, page_data: str, scripts: list[str], style: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        """Text without characters that nobody sees: one that turns a line round would turn its numbers too."""
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        return "\n".join(map(visible, value.split("\n")))

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown)
    # files of this package, and JSON without an angle bracket
    trusted = {"page_data": Markup(page_data), "scripts": [Markup(script) for script in scripts], "style": Markup(style)}
    return environment.from_string(_own("report.html.j2")).render(**values, **trusted)
