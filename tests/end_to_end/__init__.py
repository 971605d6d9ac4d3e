"""The whole platform as its users run it: processes, commands, faults."""
