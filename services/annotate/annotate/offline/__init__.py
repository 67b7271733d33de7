"""Describes photos offline, by their ImageNet classes, colours, light and format."""

import os

# Functions run side by side on few cores, where more BLAS threads would wait for each other.
# OpenBLAS reads this once, when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
