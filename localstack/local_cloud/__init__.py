"""The cloud on one machine: emulator, database, stacks, gallery."""
