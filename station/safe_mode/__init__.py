"""When settings or model cannot be used: a page with the outputs off, the errors, and the way back to what worked."""
