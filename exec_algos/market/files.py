"""Where files lie: a folder or any fsspec path."""

from __future__ import annotations

import os
from typing import Any

import fsspec

from exec_algos.errors import UsageError


def file_system(path: str | os.PathLike[str]) -> tuple[Any, str]:
    """The fsspec file system of a path or URL, and the path in it.

    Raises
    ------
    UsageError
        No such protocol, or the package that it needs is not installed.
    """
    try:
        fs, root = fsspec.core.url_to_fs(os.fspath(path))
    except (ValueError, ImportError) as error:
        raise UsageError(f"{os.fspath(path)}: {error}") from error
    return fs, str(root)
