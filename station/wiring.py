"""Which devices this station really has: the only place that knows what is real and what is simulated."""
