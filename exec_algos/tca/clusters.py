"""The clusters of an interval: sessions, or as many of them as the longest order runs over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.calendars import Sessions

CLUSTER = "cluster"


def clusters_of(rows: pd.DataFrame) -> npt.NDArray[Any]:
    """The cluster of each row of a study's ``parents``: its column ``cluster`` where orders run over several sessions, else ``session``."""
    return np.asarray(rows[CLUSTER if CLUSTER in rows.columns else "session"].to_numpy())


def longest(sessions: Sessions, session: Ints, end: Ints) -> int:
    """The sessions of the order that runs over most; orders as `blocks_of` takes them."""
    return int((sessions.all_at_or_after(end - 1) - session).max(initial=0)) + 1


def clustered_by(config: Mapping[str, Any]) -> str:
    """What intervals of a study cluster by, in words."""
    many = config.get("sessions_a_cluster", 1)
    return "day" if many == 1 else f"{many} sessions, as many as the longest order has"


def counted_clusters(config: Mapping[str, Any], n: int) -> str:
    """So many clusters of a study, in words.

    >>> counted_clusters({}, 1), counted_clusters({}, 3), counted_clusters({"sessions_a_cluster": 2}, 1)
    ('1 day', '3 days', '1 block of 2 sessions')
    """
    many = config.get("sessions_a_cluster", 1)
    return f"{numbered(n, 'day')}" if many == 1 else f"{numbered(n, 'block')} of {many} sessions"


def blocks_of(sessions: Sessions, session: Ints, end: Ints) -> npt.NDArray[np.datetime64] | None:
    """The first day of the block of sessions in which each order begins; None where no order leaves its session.

    Orders of neighbouring sessions share prices where they run over both. So a block has as many sessions as the longest order.

    Parameters
    ----------
    sessions : Sessions
    session : ndarray of int64, shape (n,)
        In which each order begins, by number.
    end : ndarray of int64, shape (n,)
        ns UTC.
    """
    many = longest(sessions, session, end)
    if many == 1:
        return None
    first = session // many * many
    return sessions.date[first].astype("datetime64[s]")
