"""Pure functions from file tables to what they mean: no I/O, no clock."""
