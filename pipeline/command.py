"""What every command line shares: user errors as plain lines with exit code 2, tracebacks only on request."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from pipeline.errors import UserError

OFFLINE = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "true"}


def guarded(command: Callable[[], None]) -> None:
    """Run a command; exit 2 after the lines of a `UserError`, 130 after Ctrl-C."""
    for key, value in OFFLINE.items():
        os.environ.setdefault(key, value)
    try:
        command()
    except UserError as error:
        if os.environ.get("DETENTE_DEBUG"):
            raise
        for problem in error.problems:
            print(f"detente: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("detente: interrupted", file=sys.stderr)
        sys.exit(130)
