"""Detectors as users export them: one module per family of output shapes, decoded from the published shapes alone."""
