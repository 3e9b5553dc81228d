"""Who may import whom, and what `import exec_algos` may load."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import exec_algos

PACKAGE = Path(exec_algos.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# lowest first: a package imports only those of lower layers, whether at the top of a file, inside a function or for type checking
LAYERS = (
    {"errors"},
    {"checks", "textform", "compiling", "clock", "market", "stats"},
    {"config"},
    {"model"},
    {"costs", "forecast", "trajectories"},
    {"algorithms", "fills", "tca"},
    {"exchange", "batch", "sim"},
    {"brokers"},
    {"executors"},
    {"backtest", "stepped", "live"},
    {"agents", "plots"},
    {"studies", "ext"},
    {"executions"},
    {"reports", "testing", "__init__"},
    {"cli"},
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
PACKAGES = sorted({path.parent for path in FILES} - {PACKAGE})

PURE = ("model", "errors", "algorithms", "executors", "fills", "costs", "tca", "stats", "trajectories", "forecast")
IMPURE = {"time", "random", "asyncio", "os", "matplotlib", "backtrader", "httpx"}
APART = ("ext", "brokers.kis", "plots", "live")
HEAVY = {"pandas", "numba", "matplotlib", "httpx", "dask", "backtrader"}


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, by its full name."""
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def within(name: str, part: str) -> bool:
    whole = f"exec_algos.{part}"
    return name == whole or name.startswith(whole + ".")


def part_of(path: Path, parts: tuple[str, ...]) -> str | None:
    return next((part for part in parts if within(dotted(path), part)), None)


def part(path: Path) -> str:
    """The package, or the module of the root, in which a file stands."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_no_package_imports_one_above_or_beside_it(path):
    own = part(path)
    if own == "__init__":  # the public names stand above what they name
        return
    inside = {name.split(".")[1] for name in imported(path) if name.startswith("exec_algos.")}
    known = {name if name in LEVEL else "__init__" for name in inside}
    assert {name for name in known if name != own and LEVEL[name] >= LEVEL[own]} == set()


def test_every_package_has_its_layer_and_the_root_holds_little_else():
    assert {part(path) for path in FILES} == set(LEVEL)
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "errors", "config", "checks", "textform", "compiling"}


def test_modules_of_one_package_import_each_other_in_one_direction_only():
    """Beside the four factories of `Bars`, which read files."""
    graph = {dotted(path): {name for name in imported(path) if name.startswith("exec_algos.")} for path in FILES}
    graph["exec_algos.market.bars"].discard("exec_algos.market.read")
    order = TopologicalSorter({name: {other for other in found if other in graph and other != name} for name, found in graph.items()})
    try:
        order.prepare()
        circle = []
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_every_package_says_what_lives_there_and_what_may_not(folder):
    said = " ".join((ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or "").split())
    assert "What lives here: " in said
    assert "What may not: " in said


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_decisions_and_costs_import_nothing_impure(path):
    if part_of(path, PURE) and path.name != "__main__.py":  # a demo runs a loop, it does not decide
        assert {name for name in imported(path) if name.split(".")[0] in IMPURE} == set()


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_the_outer_parts_do_not_know_each_other(path):
    own = part_of(path, APART)
    others = [part for part in APART if part != own]
    if own:
        assert {name for name in imported(path) if any(within(name, part) for part in others)} == set()


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_only_the_plug_in_imports_backtrader(path):
    if not within(dotted(path), "ext"):
        assert {name for name in imported(path) if name.split(".")[0] == "backtrader"} == set()


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, exec_algos; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert HEAVY & set(done.stdout.split()) == set()


def test_public_names_are_few_and_all_resolve():
    assert len(exec_algos.__all__) <= 30
    assert [name for name in exec_algos.__all__ if getattr(exec_algos, name, None) is None] == []


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = exec_algos.no_such_name
