"""Runs microburst with the header Content-Length, which S3 sends, the functions read, and microburst drops."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from microburst import cli, forward

stream_to_client = forward._stream_to_client


async def stream_with_length(
    request: Any, status: int, headers: Mapping[str, str], fault: forward.ResponseFault | None, chunks: Any
) -> Any:
    """Set the length that the emulator sent, also for a truncated body."""
    fault = fault or forward.ResponseFault()
    if "Content-Length" in headers:
        length = {"Content-Length": headers["Content-Length"]}
        fault = replace(fault, set_headers={**length, **fault.set_headers})
    return await stream_to_client(request, status, headers, fault, chunks)


if __name__ == "__main__":
    forward._stream_to_client = stream_with_length
    sys.exit(cli.main())
