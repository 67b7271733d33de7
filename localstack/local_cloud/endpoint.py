"""An AWS emulator that somebody else runs, such as the one of compose.yaml."""

from __future__ import annotations

import http.client
import re
import urllib.parse

from local_cloud import LocalCloudError


class Endpoint:
    """Whatever answers at an address; it is neither started nor stopped."""

    child = None
    """There is no process of ours."""

    def __init__(self, endpoint_url: str) -> None:
        """Take the address.

        Raises:
            LocalCloudError: it is no address of a server.
        """
        self._address = urllib.parse.urlsplit(endpoint_url)
        if not re.fullmatch(r"https?://[^/:@]+(:\d{1,5})?/?", endpoint_url):
            raise LocalCloudError(f"AWS_ENDPOINT_URL must be like http://127.0.0.1:4566, not {endpoint_url!r}.")
        self.endpoint_url = endpoint_url

    def start(self) -> None:
        """Make sure that somebody answers.

        Raises:
            LocalCloudError: nobody does.
        """
        secure = self._address.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self._address.netloc, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise LocalCloudError(
                f"Nothing answers at AWS_ENDPOINT_URL={self.endpoint_url} ({error}). Start that emulator,"
                " or unset AWS_ENDPOINT_URL to use one of our own."
            ) from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Leave it running."""

    def abandon(self) -> None:
        """Leave it running."""
