"""Measuring what the hand can do: how late, how far off the nozzle, and how fast everything is off when one dies."""
