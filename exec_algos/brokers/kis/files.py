"""Where the token and the count of requests of an app key lie, so that processes share them: private files, locks.

One folder, 0700, holds for each pair of host and app key a few files whose names are a hash of both. On Linux and macOS they are 0600 and
locked by `fcntl.flock`, which the system lets go when a process dies. Windows has neither: there the lock is `msvcrt.locking` of one byte,
and who may read is what the user's own profile says; rights are not looked at.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from exec_algos.errors import UsageError

if os.name == "nt":  # pragma: no cover
    import msvcrt
else:
    import fcntl

POSIX = os.name != "nt"
VARIABLE = "EXEC_ALGOS_KIS_TOKEN_CACHE"
PRIVATE, OWN_FOLDER = 0o600, 0o700
OTHERS, OTHERS_WRITE = 0o077, 0o022
MOST = 1 << 20  # bytes of a file of ours


def fingerprint(host: str, app_key: str) -> str:
    """What names the files of an app key at a host: 32 characters of a hash, none of the key."""
    return hashlib.sha256(f"exec_algos.kis\n{host}\n{app_key}".encode()).hexdigest()[:32]


def folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder of these files, made where it is not there.

    Parameters
    ----------
    given : path, optional
        Else what `EXEC_ALGOS_KIS_TOKEN_CACHE` says, else the user's folder for state.

    Raises
    ------
    UsageError
        It is no folder, or others may write into it.
    """
    path = Path(given or os.environ.get(VARIABLE) or _user_folder())
    try:
        path.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be the folder of KIS tokens: {error.strerror}; name another as token_cache or {VARIABLE}"
        ) from None
    mode = path.stat().st_mode
    if POSIX and mode & OTHERS_WRITE:
        raise UsageError(
            f"{path} holds KIS tokens, but others may write there (mode {stat.S_IMODE(mode):04o}); chmod 700 it, or name another"
        )
    return path


def _user_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir("exec_algos", appauthor=False)) / "kis"


def unsafe(path: Path) -> str:
    """Why a file must not be used: others may read it, or it is not ours; empty where it may, or is not there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is no plain file; remove it"
    if POSIX and found.st_uid != os.getuid():
        return f"{path} belongs to user {found.st_uid}, not to us; remove it"
    if POSIX and found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        return f"{path} can be read by others (mode {mode:04o}); chmod 600 it if nobody did, else remove it and ask KIS for a new app key"
    return ""


def readable(path: Path) -> bool:
    """Whether a plain file of ours can be read by others, and nothing else is wrong with it."""
    found = path.lstat()
    return POSIX and stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and bool(found.st_mode & OTHERS)


def make_private(path: Path) -> None:
    """Take the rights of others from a file of ours."""
    if POSIX:
        path.chmod(PRIVATE)


def read_bytes(path: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MOST)
    except FileNotFoundError:
        return None


def write_bytes(path: Path, content: bytes) -> None:
    """Put a new file in a file's place, whole, 0600 from its first byte on; whoever reads sees the old one or the new one."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def open_private(path: Path) -> tuple[int, bool]:
    """A descriptor of a file to read and write, and whether the file is new.

    Raises
    ------
    OSError
        It is a link, or cannot be opened.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags), False
    except FileNotFoundError:
        try:
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE), True
        except FileExistsError:
            return os.open(path, flags), False


@contextlib.contextmanager
def locked(descriptor: int) -> Iterator[bool]:
    """Hold the lock of an open file, unless somebody else does; whether it is held."""
    held = _lock(descriptor)
    try:
        yield held
    finally:
        if held:
            _unlock(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        if POSIX:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # pragma: no cover
            os.lseek(descriptor, MOST, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK):
            return False
        raise
    return True


def _unlock(descriptor: int) -> None:
    if POSIX:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    else:  # pragma: no cover
        os.lseek(descriptor, MOST, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
