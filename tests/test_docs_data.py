"""What docs/data.md shows runs as it stands, and its table is that of the package."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path

from exec_algos import Bars
from exec_algos.market.quality.finders import KINDS
from exec_algos.market.quality.limits import Limits
from exec_algos.market.splits import Splits
from exec_algos.market.vendors import VENDORS

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_page_runs_from_top_to_bottom(capsys):
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), start=1):
        exec(compile(block, f"data.md, block {number}", "exec"), {})
    assert "SYNGAP: minutes missing: 2025-10-29: 30 of 390 minutes, usually 0" in capsys.readouterr().out


def test_the_table_has_every_kind_and_every_limit():
    rows = [line.split("|") for line in PAGE.split("## What is looked for")[1].splitlines() if line.startswith("| `")]
    assert {row[1].strip().strip("`") for row in rows} == set(KINDS)
    for field in fields(Limits):
        (row,) = [row for row in rows if row[1].strip() == f"`{field.name}`"]
        assert row[3].strip().startswith(f"`{field.name}` {field.default:g}")


def test_the_table_of_splits_can_be_read(tmp_path):
    lines = [line[4:] for line in PAGE.splitlines() if re.match(r"    (date,|\d{4}-)", line)]
    (tmp_path / "splits.csv").write_text("\n".join(lines))
    assert [(split.symbol, split.ratio) for split in Splits.of(tmp_path / "splits.csv").rows] == [("NVDA", 10), ("XYZ", 0.1)]


def test_the_table_of_vendors_is_that_of_the_package_and_each_line_reads_the_file_beside_it(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("make_tables", Path(__file__).parents[1] / "docs" / "make_tables.py")
    make_tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_tables)
    assert make_tables.made(PAGE) == PAGE
    samples = {sample.file: sample for vendor in VENDORS.values() for sample in vendor.samples}
    lines = re.findall(r"\| `([^`|]+)` \| `[^|]*` \| `(Bars\.read\([^`]*\))` \|", PAGE)
    assert [file for file, _ in lines] == list(samples)
    monkeypatch.chdir(tmp_path)
    for file, line in lines:
        Path(file).write_text(samples[file].text, encoding="utf-8")
        bars = eval(line, {"Bars": Bars})
        assert samples[file].symbol in bars.symbols
        assert bars.select([samples[file].symbol]).close.tolist() == [11, 12, 13]


def test_the_table_of_options_is_that_of_the_command_and_of_the_value():
    from exec_algos.cli.reading import OPTIONS
    from exec_algos.market.csvformat import CsvFormat

    table = PAGE.split("## Options for reading a file")[1].split("```")[0]
    said = {name.replace("-", "_") for name in re.findall(r"--([a-z][a-z-]*)", table)}
    assert said == set(OPTIONS) - {"on_bad"}
    assert {field.name for field in fields(CsvFormat)} == {name if name != "no_header" else "header" for name in said} - {
        "step", "label", "zone", "symbol", "format",
    }  # fmt: skip
