"""Transaction cost analysis: what orders cost, against which benchmark, and why.

What lives here: benchmarks, slippage, shortfall, mark-outs, cost curves, estimates before the trade, of plain columns. What may not:
how orders came about, files, plots; inference is in `exec_algos.stats`.
"""
