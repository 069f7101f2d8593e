"""Footage: brought in from anywhere, cut, labelled, and shown with what the station thinks of it."""
