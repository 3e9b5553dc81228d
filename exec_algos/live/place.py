"""Where a journal may stand, and who has it: sqlite's write-ahead log and its locks need a disk of this machine."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from exec_algos.errors import JournalError

MOUNTS = "/proc/mounts"
SHARED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "drvfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "smb2",
        "smb3",
        "smbfs",
    }
)
FORGETFUL = frozenset({"tmpfs", "ramfs", "devtmpfs"})
LOCAL = "put the journal on a local disk of a POSIX system, such as ~/journals: sqlite's write-ahead log and its locks need one"


def file_system(path: str, mounts: str = MOUNTS) -> str:
    """The type of the file system that holds a path: ``"ext4"``, ``"nfs4"``, ``"fuse.sshfs"``; empty where the system does not say."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found, longest = "", -1
    for line in lines:
        _, point, kind, *_ = (*line.split(" "), "", "", "")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)  # a blank is written as \040
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of two at one point the later hides the earlier
            found, longest = kind, len(point)
    return found


def check_place(path: str, *, mounts: str = MOUNTS, system: str = os.name) -> list[str]:
    """Refuse a place where a journal cannot be kept; returns what a user has to know of one where it can.

    Raises
    ------
    JournalError
        Windows; a network file system; a folder, or a file of several names; a folder that is not there.
    """
    if system != "posix":
        raise JournalError(f"journal {path}: a journal cannot be kept on {sys.platform}; {LOCAL}")
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise JournalError(f"journal {path} is a folder; name a file in it, such as {os.path.join(path, 'day.db')}")
    if not os.path.isdir(folder):
        raise JournalError(f"journal {path}: the folder {folder} is not there; make it first (mkdir -p {folder})")
    if os.path.exists(path) and not os.path.isfile(path):
        raise JournalError(f"journal {path} is no regular file; name one, or a path where none is yet")
    if os.path.exists(path) and os.stat(path).st_nlink > 1:
        raise JournalError(f"journal {path} has {os.stat(path).st_nlink} names (hard links), whose logs would not meet; leave one of them")
    kind = file_system(folder, mounts)
    if kind in SHARED or (kind.startswith("fuse.") and kind != "fuse.fuse-overlayfs"):
        raise JournalError(f"journal {path}: {folder} is on a network file system ({kind}); {LOCAL}")
    if kind in FORGETFUL:
        return [f"journal {path}: {folder} is in memory ({kind}): what is written outlives this process, and no restart of the machine"]
    return []


class Ownership:
    """The right to write to a journal, which one process has at a time; that of a dead process is free.

    It is an advisory lock on a file beside the journal, which says who holds it. The file stays.

    Parameters
    ----------
    path : str
        Of the journal, without symbolic links.

    Raises
    ------
    JournalError
        Another process has it, which is named, or the file cannot be made.
    """

    def __init__(self, path: str) -> None:
        import fcntl

        self.path, self._beside = path, f"{path}.lock"
        while True:
            try:
                self._file = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise JournalError(
                    f"journal {path}: its lock {self._beside} cannot be made ({error.strerror}); "
                    "let this user write to the folder, or name another place"
                ) from error
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._file)
                raise JournalError(
                    f"journal {path} is in use by {owner(path)}; stop that one by Ctrl-C, or wait until it is over"
                ) from None
            except OSError as error:
                os.close(self._file)
                raise JournalError(f"journal {path}: its lock cannot be taken ({error.strerror}); {LOCAL}") from error
            if self.holds():
                break
            os.close(self._file)  # it was removed between the two steps
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)

    def holds(self) -> bool:
        """Whether the lock file is still there: where it was removed, a second process could take a new one."""
        try:
            return os.path.samestat(os.stat(self._beside), os.fstat(self._file))
        except OSError:
            return False

    def give_up(self) -> None:
        """Let another process have it."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def owner(path: str) -> str:
    """Who holds a journal: ``"process 4711 since 2026-11-30T09:00:00+00:00"``; as far as its lock says."""
    try:
        said = json.loads(Path(f"{path}.lock").read_bytes())
        return f"process {said['pid']} since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def holder(path: str) -> str:
    """Who holds a journal that exists; empty where nobody does."""
    import fcntl

    path = os.path.realpath(path)
    try:
        file = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return owner(path)
    finally:
        os.close(file)
    return ""
