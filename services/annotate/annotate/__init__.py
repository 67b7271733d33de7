"""The annotate function: from an uploaded photo to a caption, alternative text and tags."""

import os

# Functions run side by side on few cores, where more threads of numpy's BLAS would wait for each other.
# The library reads this once, when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
