"""The market: candles, the day's gainers, surges, trends."""
