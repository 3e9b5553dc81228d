"""Forecasts of intraday volume: the Kalman filter of Chen, Feng and Palomar (2016), its fit, and VWAP weights from it.

What lives here: arrays and numbers in, values out. What may not: a clock, randomness, files, orders.
"""

from exec_algos.forecast.em import Fit, Step, em_step, fit, starting_values
from exec_algos.forecast.evaluation import Scores, WalkForward, mape, walk_forward
from exec_algos.forecast.kalman import Filtered, Forecast, Smoothed, State, VolumeModel, log_volumes
from exec_algos.forecast.weights import dynamic_weights, next_weight, static_weights, tracking_error

__all__ = [
    "Filtered",
    "Fit",
    "Forecast",
    "Scores",
    "Smoothed",
    "State",
    "Step",
    "VolumeModel",
    "WalkForward",
    "dynamic_weights",
    "em_step",
    "fit",
    "log_volumes",
    "mape",
    "next_weight",
    "starting_values",
    "static_weights",
    "tracking_error",
    "walk_forward",
]
