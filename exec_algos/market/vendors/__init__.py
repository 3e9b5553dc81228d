"""Vendors' files, one module each: how a file is recognised, what its columns and stamps mean, and a sample that the tests read.

What lives here: what is true of one vendor's files alone; a new one is a module with a `VENDOR`, and nothing else. What may not: how text
becomes numbers, how stamps become instants, anything that holds for every file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from exec_algos.errors import MarketDataError
from exec_algos.market.vendor import CsvTable, Document, Vendor

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__))
    if (vendor := getattr(importlib.import_module(f"{__name__}.{module}"), "VENDOR", None))
}


def vendor_of(source: CsvTable | Document, file: str) -> Vendor | None:
    """The vendor whose marks a file bears.

    Raises
    ------
    MarketDataError
        Several vendors'.
    """
    found = [vendor for vendor in VENDORS.values() if vendor.recognises(source)]
    if len(found) > 1:
        raise MarketDataError(f"it may be of {' or of '.join(vendor.name for vendor in found)}; pass format=", file=file)
    return found[0] if found else None
