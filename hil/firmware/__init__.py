"""What runs on the serial board, and the pins it has on a bench."""
