"""What leaves the station: interval rows in a chain, the outbox they wait in, batches, shifts and downtime."""
