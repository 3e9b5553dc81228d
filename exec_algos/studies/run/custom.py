"""Algorithms and executors of one's own in a study: named by where they can be imported from, known again by their source."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from exec_algos.algorithms import ALGORITHMS, Algorithm, parse_algorithm
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.executors import OrderExecutor
from exec_algos.executors.options import taken_by
from exec_algos.textform import from_text, parameters_of

TERMS = ("side", "start", "end", "lot_size", "rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomExecutor(Algorithm):
    """A subclass of `OrderExecutor` as an algorithm of a study: it is worked event by event, never by the compiled loop.

    ``execute(ticker, total_quantity, ...)`` is called with what it takes of ``side, start, end`` (ns UTC), ``lot_size`` and ``rules``.

    Parameters
    ----------
    kind : type
        The subclass.
    options : mapping
        More keywords for ``execute``: texts and numbers.

    Raises
    ------
    UsageError
        No such subclass, or ``execute`` needs what is not in `options`, or does not take the order's side, start and end.
    """

    kind: type[OrderExecutor]
    options: Mapping[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "executor"

    def __post_init__(self) -> None:
        kind: Any = self.kind
        if not (isinstance(kind, type) and issubclass(kind, OrderExecutor)):
            raise UsageError(f"kind must be a subclass of OrderExecutor, got {self.kind!r}")
        parameters = taken_by(self.kind.execute)
        loose = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        named = {
            parameter.name: parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }
        missing = [
            name for name, parameter in named.items() if parameter.default is parameter.empty and name not in {*self.options, *TERMS}
        ]
        unknown = [name for name in self.options if name not in named and not loose]
        unheard = [name for name in ("side", "start", "end") if name not in named and name not in self.options and not loose]
        if missing or unknown or unheard:
            wrong = f"needs {missing}" if missing else f"takes no {unknown}" if unknown else f"does not take the parent order's {unheard}"
            raise UsageError(f"{self.kind.__name__}.execute {wrong}; a study calls it with {', '.join(TERMS)} and the options given")

    @property
    def decide(self) -> Any:
        """It has none.

        Raises
        ------
        UsageError
            Always: the compiled loop cannot work it.
        """
        raise UsageError(f"{self} is an executor, not a decide function; the engine works it")

    def weights(self, profile: Floats) -> Floats:
        """Not asked: it has no curve of its own."""
        return profile

    def taken(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        """What ``execute`` is called with."""
        parameters = taken_by(self.kind.execute)
        loose = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        names = {parameter.name for parameter in parameters}
        return {**{name: term for name, term in terms.items() if loose or name in names}, **self.options}

    def __str__(self) -> str:
        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{place_of(self.kind)}{':' if options else ''}{options}"


def place_of(kind: type) -> str:
    """``module:Class``."""
    return f"{kind.__module__}:{kind.__qualname__}"


def algorithm_of(given: Any) -> Algorithm:
    """A value, the text of a built-in one, ``module:Class:parameter=value`` of one's own, or a subclass of `OrderExecutor`.

    Raises
    ------
    UsageError
        A module or class that cannot be imported, or a class that is neither an `Algorithm` nor an `OrderExecutor`.
    UnknownNameError
        No such built-in algorithm or parameter.
    """
    if isinstance(given, Algorithm):
        return given
    if isinstance(given, type):
        return CustomExecutor(kind=given)
    place = import_named(given)
    if not place:
        return parse_algorithm(given)
    module, name = place.split(":")
    options = str(given)[len(place) + 1 :]
    kind = _imported(module, name)
    if isinstance(kind, type) and issubclass(kind, Algorithm):
        return from_text("algorithm", f"{name.lower()}:{options}", {name.lower(): kind})
    if isinstance(kind, type) and issubclass(kind, OrderExecutor):
        return CustomExecutor(kind=kind, options={key: _option(value) for key, value in parameters_of(options)})
    raise UsageError(f"{module}:{name} is neither an Algorithm nor an OrderExecutor, but {kind!r:.80}")


def import_named(text: Any) -> str:
    """The ``module:Class`` that an algorithm's text asks to import; empty for one that is built in, or a name that is none.

    >>> import_named("desk.algos:Patient:tries=3"), import_named("vwap:profile_days=5")
    ('desk.algos:Patient', '')
    """
    module, _, rest = str(text).partition(":")
    name = rest.partition(":")[0]
    return f"{module}:{name}" if module.lower() not in ALGORITHMS and name.isidentifier() else ""


def recorded_algorithms(record: Mapping[str, Any], place: str, allow_import: Iterable[str]) -> list[Algorithm]:
    """The algorithms that a file of a study names; code of one's own is imported only where the caller names it too.

    Parameters
    ----------
    record : mapping
        ``algorithms``, and ``imports`` as `imports_of` gives them.
    place : str
        The folder, for the message.
    allow_import : iterable of str
        ``module:Class``, each as the file has it.

    Raises
    ------
    UsageError
        The file names code that `allow_import` does not: what it wishes, and how to allow it. Nothing was imported.
    """
    if isinstance(allow_import, str):
        raise UsageError(f"allow_import must be a list such as [{allow_import!r}], got the text {allow_import!r}")
    own = {name: source["from"] for name, source in record.get("imports", {}).items()}
    texts = [str(own.get(name, name)) for name in record["algorithms"]]
    refused = sorted({named for text in texts if (named := import_named(text))} - set(allow_import))
    if refused:
        options = " ".join(f"--allow-import {named}" for named in refused)
        raise UsageError(
            f"the study in {place} asks to import and run {', '.join(refused)}: a folder is not trusted to name code; "
            f"if you know what it is, name it too: {options}, in Python allow_import={refused!r}"
        )
    return [algorithm_of(text) for text in texts]


def _imported(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise UsageError(f"cannot import {module!r} of {module}:{name}: {error}; it must lie on the Python path of every worker") from error
    except AttributeError:
        raise UsageError(f"module {module!r} has no {name!r}") from None


def _option(text: str) -> Any:
    """A number where the text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def imports_of(algorithms: Iterable[Algorithm]) -> dict[str, dict[str, str]]:
    """By text form, for what is not built in: where it is imported from, and the SHA-256 of that module's source."""
    return {str(algorithm): _import_of(algorithm) for algorithm in algorithms if type(algorithm) not in ALGORITHMS.values()}


def drivers_of(algorithms: Iterable[Algorithm], driver: str) -> dict[str, str]:
    """By text form: what works it, ``"batch"`` or ``"engine"``."""
    return {str(algorithm): "engine" if isinstance(algorithm, CustomExecutor) else driver for algorithm in algorithms}


def _import_of(algorithm: Algorithm) -> dict[str, str]:
    kind: type = algorithm.kind if isinstance(algorithm, CustomExecutor) else type(algorithm)
    text = str(algorithm) if isinstance(algorithm, CustomExecutor) else f"{place_of(kind)}:{str(algorithm).partition(':')[2]}".rstrip(":")
    try:
        source = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):
        source = ""  # typed into a session: nothing to know it by but its place
    return {"from": text, "sha256": hashlib.sha256(source.encode()).hexdigest() if source else ""}


def check_importable(algorithm: CustomExecutor) -> None:
    """Refuse what another process cannot import.

    Raises
    ------
    UsageError
        A class of a script, notebook or function.
    """
    kind = algorithm.kind
    try:
        found = None if kind.__module__ == "__main__" else getattr(import_module(kind.__module__), kind.__qualname__, None)
    except ImportError:
        found = None
    if found is not kind:
        raise UsageError(f"worker processes cannot import {place_of(kind)}; put the class into a module of its own, or run(processes=1)")
