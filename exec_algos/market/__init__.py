"""Market data: bars, vendors' readers, the Parquet store, calendars, volume profiles, synthetic bars.

What lives here: what was traded and quoted, and when the exchange is open. What may not: orders, costs, anything that decides.
"""
