"""The command line, one command per module; context.py holds what they share."""
