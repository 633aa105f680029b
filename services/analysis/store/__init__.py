"""Everything durable at the analysis service: metadata, payload as encrypted Parquet, the ledger and its anchor."""
