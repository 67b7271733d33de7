"""How fast the gallery is with many photos, as ratios: `make bench`.

A ratio compares two things that were measured in turns on the same machine, so it hardly depends on the machine.
"""
