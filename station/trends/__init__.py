"""Trends: what people watch over days, kept by the minute and shown as charts."""
