"""The programme's side: a small receiver that applies the interval rows of many stations, each once."""
