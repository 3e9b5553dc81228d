"""exec_algos: backtest, study and trade order execution algorithms with one and the same code."""
