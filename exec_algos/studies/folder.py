"""The folder of a sharded study: what is done, under which key, written so that a reader never sees half of a file."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exec_algos.errors import ExecAlgosError, UsageError
from exec_algos.market.boundary import writing
from exec_algos.market.files import check_regular, file_system, sync, write_new
from exec_algos.market.locks import Locks

PACKAGES = ("exec_algos", "numpy", "pandas", "numba", "scipy", "pyarrow", "exchange_calendars")
SILENT = ("cli", "plots", "reports", "ext")  # parts of the package that no number of a study passes through
STUDY = "study.json"
RECORD = "record.json"
WHOLE = "whole.json"  # the SHA-256 of every finished file of a study; not there while they are being written
AGAIN = "run the study again, which makes again what is damaged and keeps all else"
SEAL = "sha256"  # in a sealed file: of all else that it says


@cache
def code_record() -> dict[str, str]:
    """Versions of Python and of the packages that numbers pass through, and the SHA-256 of this package's source."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.split("/")[0] not in SILENT:
            digest.update(f"{name}\n".encode() + path.read_bytes())
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    return {**versions, "source_sha256": digest.hexdigest()}


def check_code(wanted: Mapping[str, str]) -> None:
    """Refuse to work for a study that other code has planned.

    Raises
    ------
    UsageError
        A version or the source differs; both are named.
    """
    own = code_record()
    other = [f"{name} {own.get(name)} here, {value} there" for name, value in wanted.items() if own.get(name) != value]
    if other:
        raise UsageError(f"this worker runs other code than the one that planned the study: {'; '.join(other)}; install the same")


def key_of(*parts: Any) -> str:
    """SHA-256 of values in one fixed JSON form."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def as_text(value: Any) -> bytes:
    """JSON as the files of a study hold it."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def seal(value: Mapping[str, Any]) -> bytes:
    """JSON that holds the SHA-256 of itself; `unsealed` reads it."""
    return as_text({**value, SEAL: sha256_of(as_text(value))})


def unsealed(content: bytes | None) -> dict[str, Any] | None:
    """What sealed JSON says; None where there is none, or not what was written."""
    try:
        value = dict(json.loads(content or b""))
    except (ValueError, TypeError):
        return None
    return value if value.pop(SEAL, None) == sha256_of(as_text(value)) else None


def is_damaged(content: bytes | None) -> bool:
    """Whether sealed JSON is not what was written; what was never sealed is of an earlier version."""
    try:
        value = {SEAL: ""} if content is None else dict(json.loads(content))
    except (ValueError, TypeError):
        return True
    return content is not None and SEAL in value and unsealed(content) is None


def sha256_of(content: bytes) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Say in one line what a folder does not let be done.

    Raises
    ------
    UsageError
        No room, no right, no such place.
    """
    then = "make room, or name a folder that can be written to, and run again"
    with writing(f"cannot keep a study in {path}", "what is finished stands", then, kind=UsageError):
        yield


@contextmanager
def as_settings(file: str, then: str) -> Iterator[None]:
    """Say in one line that a file holds no settings of a study: one that somebody wrote may hold anything.

    Raises
    ------
    UsageError
        What stumbled over what, and `then`: what to do.
    """
    try:
        yield
    except ExecAlgosError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"{file} is not of this version of exec_algos ({type(error).__name__}: {error}): {then}") from error


class StudyFolder:
    """Files under one folder, local or on any fsspec path.

    Parameters
    ----------
    path : str or path
    durable : bool
        Files of `put_all` are waited for until a local disk has them; `settle` waits for others.
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = False) -> None:
        self.path, self.durable = os.fspath(path), durable
        self._made: set[str] = set()
        self._fs, self._root = file_system(path)
        self._local = "file" in ([self._fs.protocol] if isinstance(self._fs.protocol, str) else self._fs.protocol)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return partial(StudyFolder, durable=self.durable), (self.path,)

    def place(self, name: str) -> str:
        """Where a file stands, for those who write it piece by piece."""
        return f"{self._root}/{name}"

    def put(self, name: str, content: bytes) -> str:
        """Write a whole file at once, whatever stood there; its SHA-256."""
        with explained(self.path), self.writing(name) as file:
            file.write(content)
        return sha256_of(content)

    def put_all(self, files: Mapping[str, bytes]) -> None:
        """Write whole files that take their places in this sequence, when all of them are on the disk."""
        beside = {name: self.beside() for name in files}
        with explained(self.path):
            for name, content in files.items():
                write_new(self._fs, beside[name], content)
            if self.durable and self._local:
                sync(beside.values())
            for name in files:
                self.move(beside[name], name)
            self.settle_names(files)

    def settle(self, names: Collection[str]) -> None:
        """Wait until a local disk has files, and their names."""
        if self.durable and self._local:
            with explained(self.path):
                sync(map(self.place, names))
                self.settle_names(names)

    def settle_names(self, names: Collection[str]) -> None:
        """Wait until a local disk has the names of files, and of the folders that were made for them."""
        if self.durable and self._local:
            sync({os.path.dirname(self.place(name)) for name in names} | self._made)
            self._made.clear()

    def writing(self, name: str) -> Writing:
        """A file that takes its place when it is complete, and not before."""
        return Writing(self, name)

    def get(self, name: str) -> bytes | None:
        """What a file holds; None where there is none."""
        try:
            with explained(self.path):
                check_regular(self._fs, self.place(name))
                return bytes(self._fs.cat_file(self.place(name)))
        except UsageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def get_json(self, name: str) -> dict[str, Any] | None:
        """What a JSON file says; None where there is none, or none that is whole."""
        content = self.get(name)
        try:
            return None if content is None else dict(json.loads(content))
        except ValueError:
            return None

    def mark(self, name: str) -> str:
        """What changes when a file is written again, found without reading it."""
        return str(self._fs.ukey(self.place(name)))

    def digest(self, name: str) -> str | None:
        """The SHA-256 of a file; None where there is none."""
        content = self.get(name)
        return None if content is None else sha256_of(content)

    def count(self, name: str) -> int:
        """Files in a folder below."""
        place = self.place(name)
        self._fs.invalidate_cache(place)  # others write there
        return len(self._fs.ls(place, detail=False)) if self._fs.isdir(place) else 0

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each finished file of the study, by name.

        Raises
        ------
        UsageError
            It is not finished, or is being worked again.
        """
        found = unsealed(self.get(WHOLE))
        if found is None:
            raise UsageError(f"{self.path} holds no whole study: {WHOLE} is not there or damaged; {AGAIN}")
        return dict(found["files"])

    def proved(self, name: str, digests: Mapping[str, str]) -> bytes:
        """What a file of the study holds.

        Parameters
        ----------
        name : str
        digests : mapping of str to str
            As `digests` gives them.

        Raises
        ------
        UsageError
            It is not there, or not what was written.
        """
        content = self.get(name)
        if content is None:
            raise UsageError(f"{self.path} has no {name}: it was taken away, or the study is being worked again; {AGAIN}")
        if sha256_of(content) != digests.get(name):
            raise UsageError(f"{self.path}/{name} is damaged: its SHA-256 is not that of when it was written; {AGAIN}")
        return content

    def names(self, name: str) -> list[str]:
        """Files in a folder below, and below that, by name; sorted."""
        place = self.place(name)
        if not self._fs.isdir(place):
            return []
        root = len(self._fs._strip_protocol(self._root)) + 1
        return sorted(str(path)[root:] for path in self._fs.find(place))

    def remove(self, name: str) -> None:
        """Take a file or a folder away, where there is one."""
        if self._fs.exists(self.place(name)):
            self._fs.rm(self.place(name), recursive=True)

    def open(self, name: str) -> Any:
        """Open a file to read."""
        return self._fs.open(self.place(name), "rb")

    def locks(self) -> Locks:
        """Who may write here."""
        return Locks(self._fs, self._root, self.path, lambda: explained(self.path))

    def sweep(self) -> None:
        """Remove what writers that were killed have left."""
        if self._fs.isdir(self.place(".part")):
            self._fs.rm(self.place(".part"), recursive=True)

    def move(self, beside: str, name: str) -> None:
        """Put a complete file into its place, in one step where the file system has one."""
        place = self.place(name)
        folder = place.rsplit("/", 1)[0]
        if self._local and self.durable:
            self._made |= {str(above.parent) for above in (Path(folder), *Path(folder).parents) if not above.exists()}
        self._fs.makedirs(folder, exist_ok=True)
        if self._local:
            os.replace(beside, place)
        else:
            self._fs.mv(beside, place)

    def beside(self) -> str:
        """A name on the same file system that nobody else writes to."""
        self._fs.makedirs(self.place(".part"), exist_ok=True)
        return self.place(f".part/{uuid.uuid4().hex}")

    def open_new(self, path: str) -> Any:
        """Open a path of `beside` to write."""
        return self._fs.open(path, "wb")


class Writing:
    """A file in the making; it takes its place at the end of the ``with`` block, if nothing was raised there."""

    def __init__(self, folder: StudyFolder, name: str) -> None:
        self._folder, self._name = folder, name

    def __enter__(self) -> Any:
        self._path = self._folder.beside()
        self._file = self._folder.open_new(self._path)
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._folder.move(self._path, self._name)


def differing(folder: StudyFolder, files: Sequence[tuple[str, str]]) -> list[str]:
    """Names of files whose SHA-256 is not the one given with them."""
    return [name for name, digest in files if folder.digest(name) != digest]
