"""Which model a station uses: changed by one command, never without a check, a name and a line that stays."""
