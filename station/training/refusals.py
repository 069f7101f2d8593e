"""What training and evaluation say when they cannot go on."""


class TrainingRefused(Exception):  # noqa: N818 - refused things are named as facts
    """One sentence: what is missing or wrong, and what to do."""
