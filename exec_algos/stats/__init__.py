"""Inference: means and their intervals, clustered by day; pairs, multiple comparison, power, streamed sums.

What lives here: statistics of arrays, whatever these measure. What may not: orders, fills, bars or frames of a study.
"""
