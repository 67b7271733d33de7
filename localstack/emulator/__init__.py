"""MiniStack, made to keep what AWS keeps: `python -m emulator`, run with the emulator's own environment."""
