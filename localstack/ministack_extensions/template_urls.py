"""Virtual-hosted URLs of templates in S3, with the bucket in the host name: taskcat and the console use these.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

import re
from urllib.parse import ParseResult, urlparse

from ministack.services.cloudformation import helpers

_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-]([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")


def read_virtual_hosted() -> None:
    """Let MiniStack find these templates in its own S3, like those at https://s3.amazonaws.com/bucket/key."""
    helpers.urlparse = path_style


def path_style(url: str) -> ParseResult:
    """Parse a URL and move the bucket from the host to the path."""
    parsed = urlparse(url)
    found = _HOST.fullmatch(parsed.hostname or "")
    return parsed._replace(path=f"/{found['bucket']}{parsed.path}") if found else parsed
