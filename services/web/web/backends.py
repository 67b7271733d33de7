"""The database, the bucket and the functions: one client of each per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, cast

import boto3
from flask import current_app

from catalog.database import Database
from web.bulk_database import BulkDatabase
from web.circuit_breaker import CircuitBreakerDatabase
from web.config import WebSettings
from web.functions import Functions
from web.search_budget import SearchBudget
from web.statistics import StatisticsCache
from web.storage import Storage


@dataclass(frozen=True)
class Backends:
    """The clients of the web service."""

    database: Database
    bulk: Database
    search_budget: SearchBudget
    statistics: StatisticsCache
    storage: Storage
    functions: Functions

    @classmethod
    def from_settings(cls, settings: WebSettings) -> Self:
        """Create all clients; connections are opened on demand."""
        session = boto3.Session()
        bulk = BulkDatabase(settings)
        return cls(
            CircuitBreakerDatabase(settings),
            bulk,
            SearchBudget(),
            StatisticsCache(bulk),
            Storage(session, settings.bucket_name),
            Functions(session, settings),
        )


def backends() -> Backends:
    """Return the backends of the application that serves this request."""
    return cast(Backends, current_app.extensions["backends"])
