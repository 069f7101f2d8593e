"""What is learnt beside the sorting: crops worth labelling, and how a candidate model would have decided."""
