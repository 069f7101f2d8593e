"""An edge node of our own: implements Sparkplug B 3.0 messages."""
