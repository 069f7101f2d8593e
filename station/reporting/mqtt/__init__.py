"""MQTT: connections that are kept up, the row sender, and plain JSON topics."""
