"""The plot of cost against size: of twins the dots are those of the buys, as the curve is, and the heading says so."""

import numpy as np
import pytest
from markets import market, study_of
from matplotlib.figure import Figure

from exec_algos import FillModel
from exec_algos.tca.twins import BUYS_ONLY

BARS = market(5, missing=0.0, silent=0.0)


def drawn(sides):
    grid = {"calendar": "XNYS", "size": ["1%adv", "5%adv", "20%adv"], "profile_days": 1, "sides": sides}
    ax = Figure().add_subplot()
    study_of(BARS, ["twap"], FillModel(), **grid).run().plot("cost", ax)
    points = ax.containers[0].lines[0].get_xydata()
    return points, [" ".join(text.get_text().split()) for text in ax.texts]


def test_dots_and_curve_of_twins_are_those_of_the_buys():
    both, said = drawn(("BUY", "SELL"))
    buys, alone = drawn(("BUY",))
    assert both == pytest.approx(buys)
    assert np.abs(both[:, 1]).max() > 1.0  # over both sides each dot would be 0
    assert sorted(said) == sorted([*alone, BUYS_ONLY])
