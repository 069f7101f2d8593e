"""Setting a station up: a technician takes one step after the other, and each proves itself with a measurement.

While it is on, a measuring process stands in for the vision process: it owns the camera, asks control for what it needs
and obeys the same guard. ``tasks`` say what is done step by step and are pure, ``process`` is the loop around them;
``book`` keeps what was found and ``desk`` is what the page asks.
"""
