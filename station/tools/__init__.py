"""What technicians work with while the station runs: settings, models, recordings, the machine, the to-do list."""
