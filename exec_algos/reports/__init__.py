"""The report of a study: one self-contained HTML page, and the plots beside it as PNG."""

from __future__ import annotations

from exec_algos.reports.study import write_report

__all__ = ["write_report"]
