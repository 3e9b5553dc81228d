"""Ctrl-C while the program loads: some modules catch whatever is raised while they are imported, and the command would go on."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

STOPPED = 130  # exit code of a command that was stopped by Ctrl-C, as shells have it
IMPORT = "importlib._bootstrap"  # as the files of the frames that import are called
SAID = b"stopped: the program was still loading, and nothing was written; run the command again\n"


def stop_while_loading() -> None:
    """Let Ctrl-C end the process at once where it meets an import, until `loaded`; where Ctrl-C is not Python's own, all stays as it is."""
    own: Any = signal.getsignal(signal.SIGINT)
    if own is signal.default_int_handler and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _stop)


def loaded() -> None:
    """From here on something is written, or a lock is held: Ctrl-C is raised wherever it is met, so that what was begun is ended."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(number: int, frame: FrameType | None) -> None:
    if is_importing(frame):
        os.write(2, SAID)
        os._exit(STOPPED)
    raise KeyboardInterrupt


def is_importing(frame: FrameType | None) -> bool:
    """Whether a frame runs below an import."""
    while frame is not None:
        if IMPORT in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
