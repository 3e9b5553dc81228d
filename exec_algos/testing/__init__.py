"""Conformance checks for what users write: algorithms and executors, fill models, brokers, and adapters of venues.

`check_executor` tries an algorithm or an executor, `check_fill_model` a fill model, `check_broker` a `BrokerAPI`, `check_venue` a
`VenueAPI`.

What lives here: checks that anyone may call on code of their own. What may not: the tests of this package.
"""

from exec_algos.testing.brokers import BrokerConformance, check_broker
from exec_algos.testing.executors import Conformance, check_executor
from exec_algos.testing.fill_models import FillConformance, check_fill_model
from exec_algos.testing.scripted import ScriptedVenue
from exec_algos.testing.venues import VenueConformance, check_venue

__all__ = [
    "BrokerConformance",
    "Conformance",
    "FillConformance",
    "ScriptedVenue",
    "VenueConformance",
    "check_broker",
    "check_executor",
    "check_fill_model",
    "check_venue",
]
