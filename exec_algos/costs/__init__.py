"""What a trade costs: the commission schedule, the quoted spread, and the impact of its own size.

What lives here: one formula for each cost, which estimate, fill and analysis share. What may not: orders, bars that are replayed, time.
"""

from exec_algos.costs.charges import undated
from exec_algos.costs.commission import Commission, child_fee
from exec_algos.costs.impact import AlmgrenImpact, SquareRootImpact, TransientImpact
from exec_algos.costs.spread import FixedSpread

__all__ = ["AlmgrenImpact", "Commission", "FixedSpread", "SquareRootImpact", "TransientImpact", "child_fee", "undated"]
