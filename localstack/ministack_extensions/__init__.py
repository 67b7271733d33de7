"""MiniStack, made to keep what AWS keeps: `python -m ministack_extensions`, run with the emulator's own environment."""
