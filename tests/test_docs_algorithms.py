"""The tables of docs/algorithms.md are the registered algorithms, and its texts are read."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path

import pytest
from markets import market

from exec_algos import executors
from exec_algos.algorithms import ALGORITHMS, Algorithm, parse_algorithm
from exec_algos.errors import UsageError
from exec_algos.studies.request import StudyRequest

PAGE = Path(__file__).parents[1] / "docs" / "algorithms.md"
TEXT = PAGE.read_text(encoding="utf-8")


def table(heading):
    """Rows of the first table below a heading, as dicts of cells without backquotes."""
    lines = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


FORMS = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)[1].splitlines()
COMMON = [one.name for one in fields(Algorithm)]


def test_every_algorithm_has_one_row_in_the_registered_order():
    assert [row["algorithm"] for row in table("Which one")] == list(ALGORITHMS)


def test_the_tables_are_those_of_the_registry():
    spec = importlib.util.spec_from_file_location("make_tables", PAGE.parent / "make_tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    assert tables.made(TEXT) == TEXT, "run make docs"
    assert tables.made(TEXT.replace("`sniper`", "`snipper`", 1)) == TEXT


@pytest.mark.parametrize("row", table("Which one"), ids=lambda row: row["algorithm"])
def test_a_row_names_the_value_and_leaves_no_cell_empty(row):
    assert ALGORITHMS[row["algorithm"]].__name__ == row["value"]
    assert issubclass(getattr(executors, row["executor"]), executors.OrderExecutor)
    assert all(row.values())


def test_every_parameter_has_one_row_with_its_default():
    told = {(row["algorithm"], row["parameter"]): row["default"] for row in table("Parameters")}
    real = {("all", name): Algorithm.__dataclass_fields__[name].default for name in COMMON}
    real |= {(name, one.name): one.default for name, kind in ALGORITHMS.items() for one in fields(kind) if one.name not in COMMON}
    assert told == {key: "none" if value is None else f"{value:g}" for key, value in real.items()}
    assert len(told) == len(table("Parameters"))


@pytest.mark.parametrize("row", table("Parameters"), ids=lambda row: f"{row['algorithm']}-{row['parameter']}")
def test_a_range_tells_what_is_refused(row):
    """Both ends: what lies outside raises, what lies inside does not."""
    name = "twap" if row["algorithm"] == "all" else row["algorithm"]
    inside, outside = RANGES[row["range"]]
    together = [one for one in TOGETHER if row["parameter"] in TOGETHER and one != row["parameter"]]
    beside = "".join(f"{one}=1," for one in together)
    for value in inside:
        parse_algorithm(f"{name}:{beside}{row['parameter']}={value}")
    for value in outside:
        with pytest.raises(UsageError, match=re.escape(str(value))):
            parse_algorithm(f"{name}:{beside}{row['parameter']}={value}")


TOGETHER = ("risk_aversion", "volatility", "temporary_impact")
RANGES = {
    "> 0": ((1, 7), (0, -1, "nan")),
    ">= 0": ((0, 1), (-1, "nan")),
    ">= 1": ((1, 7), (0, -1, "nan")),
    ">= 2": ((2, 7), (1, -1, "nan")),
    "[0, 1]": ((0, 0.3, 1), (-0.1, 1.1, "nan")),
    "[0, 1)": ((0, 0.3), (-0.1, 1, "nan")),
    "(0, 1]": ((0.3, 1), (0, -0.1, 1.1, "nan")),
    "(0, 1)": ((0.3,), (0, 1, -0.1, 1.1, "nan")),
    "0, 1": ((0, 1), (2, -1, 0.5, "nan")),
    "> 0, whole lots": ((1, 100), (0, -1, "nan", "inf")),
}


@pytest.mark.parametrize("text", FORMS)
def test_a_text_is_read_and_written_as_it_stands(text):
    assert str(parse_algorithm(text)) == text


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_states_a_sample_that_is_not_its_default(name):
    sample = parse_algorithm(ALGORITHMS[name].sample)
    assert (type(sample), str(sample)) == (ALGORITHMS[name], ALGORITHMS[name].sample)
    own = [one.name for one in fields(sample) if one.name not in COMMON]
    assert list(ALGORITHMS[name].parameters) == own
    assert all(ALGORITHMS[name].guide)


def test_the_studys_algorithms_are_those_of_its_line():
    (listed,) = re.findall(r"--algo (\S+)", TEXT)
    algorithms = StudyRequest(algorithms=listed, size="100").study(market(1)).algorithms
    assert ",".join(map(str, algorithms)) == listed


@pytest.mark.slow
def test_what_the_page_runs_holds():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert any("assert " in block for block in blocks)
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"algorithms.md, block {number}", "exec"), {"__name__": "algorithms"})  # the blocks assert what they say


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
