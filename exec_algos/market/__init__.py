"""Market data: bars, vendors' readers, the Parquet store, calendars, volume profiles, synthetic bars."""
