"""The Python environments of this repository: locks, installed packages, the uv that makes them."""
