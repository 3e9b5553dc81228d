"""From forecast volumes to the weights of a VWAP order, and how well weights replicate the VWAP.

Chen, Feng and Palomar (2016), SSRN 3101695, section 4.3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UsageError


def static_weights(forecast: npt.ArrayLike) -> Floats:
    """``w_i = f_i / sum_j f_j`` (equation 40): the whole day's weights from the forecast made before its first bin.

    Parameters
    ----------
    forecast : array_like of float, shape (n_bins,)
        Expected volume of each bin, not negative.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        Sums to 1.

    Raises
    ------
    UsageError
        A forecast that is negative or not finite, or none above 0.
    """
    volumes = _checked(forecast)
    return np.asarray(volumes / volumes.sum())


def next_weight(remaining: npt.ArrayLike) -> float:
    """``f_i / sum_{j >= i} f_j``: the part of what is left that goes into the next bin, by equation 41.

    An executor multiplies it with the quantity not yet traded; in the last bin it is 1.

    Parameters
    ----------
    remaining : array_like of float, shape (n_left,)
        Expected volume of the next bin and of those after it, as forecast now: `VolumeModel.remaining`.

    Raises
    ------
    UsageError
        A forecast that is negative or not finite, or none above 0.
    """
    volumes = _checked(remaining)
    return float(volumes[0] / volumes.sum())


def dynamic_weights(forecasts: npt.ArrayLike) -> Floats:
    """``w_i = f_i / sum_{j >= i} f_j (1 - sum_{j < i} w_j)``, the last the remainder (equation 41).

    Parameters
    ----------
    forecasts : array_like of float, shape (n_bins, n_bins)
        Row i: the forecast made before bin i, of bins i, i + 1, ...; what stands before bin i in it is not read.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        Sums to 1.

    Raises
    ------
    UsageError
        Another shape, or a forecast that is negative or not finite, or a row with none above 0.
    """
    table = np.asarray(forecasts, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise UsageError(f"forecasts of shape {table.shape}; give one row for each bin, of the bins of the whole day")
    weights = np.empty(len(table))
    left = 1.0
    for i, row in enumerate(table[:-1]):
        weights[i] = next_weight(row[i:]) * left
        left -= weights[i]
    weights[-1] = left
    return weights


def tracking_error(weights: npt.ArrayLike, volumes: npt.ArrayLike, prices: npt.ArrayLike) -> float:
    """``|sum_i w_i p_i - VWAP| / VWAP`` in bps, with ``VWAP = sum_i v_i p_i / sum_i v_i`` (table 4).

    Parameters
    ----------
    weights, volumes, prices : array_like of float, shape (n_bins,)
        Parts of the order, shares traded in the market (NaN counts as 0) and price of each bin (in the paper its
        last one). A bin with neither weight nor volume needs no price.

    Raises
    ------
    UsageError
        Nothing traded, or a bin with weight or volume has no price.
    """
    w, v, p = (np.asarray(values, dtype=np.float64) for values in (weights, volumes, prices))
    v = np.nan_to_num(v)
    used = (w != 0) | (v != 0)
    if not v.sum() > 0:
        raise UsageError("nothing traded in the session, so it has no VWAP; leave it out")
    if np.isnan(p[used]).any():
        raise UsageError(f"bin {np.flatnonzero(used & np.isnan(p))[0]} has no price; carry the last one on through bins without a trade")
    vwap = float((v * p)[used].sum() / v.sum())
    return abs(float((w * p)[used].sum()) / vwap - 1.0) * 1e4


def _checked(forecast: npt.ArrayLike) -> Floats:
    volumes = np.asarray(forecast, dtype=np.float64)
    if not (np.isfinite(volumes).all() and (volumes >= 0).all() and volumes.sum() > 0):
        raise UsageError(f"forecast volumes {volumes}; each has to be finite and 0 or more, and one above 0")
    return volumes
