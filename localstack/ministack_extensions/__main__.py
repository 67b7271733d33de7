"""Starts MiniStack with the extensions. Its settings are environment variables: see local_cloud/ministack.py."""

import os
from pathlib import Path

from ministack.app import main

from ministack_extensions import extensions
from ministack_extensions.database_servers import DatabaseServers

databases = DatabaseServers(Path(os.environ["DATABASES_DIR"])) if os.environ.get("DATABASES_DIR") else None
extensions.install(events=Path(os.environ["EVENTS_DIR"]), code=Path(os.environ["CODE_DIR"]), databases=databases)
try:
    main()
finally:
    if databases is not None:
        databases.stop()
