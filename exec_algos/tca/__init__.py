"""Transaction cost analysis: benchmarks, slippage, statistics."""
