"""Starts MiniStack with our extensions. Its settings are environment variables; see local_cloud/emulator.py."""

import os
from pathlib import Path

from ministack.app import main

from emulator import extensions

extensions.install(events=Path(os.environ["EVENTS_DIR"]), code=Path(os.environ["CODE_DIR"]))
main()
