"""What every command line shares: user errors as plain lines with exit code 2, tracebacks only on request."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from pipeline.errors import UserError

OFFLINE = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "true"}
DEBUG = "DETENTE_DEBUG"


def guarded(command: Callable[[], None]) -> None:
    """Run a command; exit 2 after the lines of a `UserError`, 1 after a fault of ours, 130 after Ctrl-C."""
    for key, value in OFFLINE.items():
        os.environ.setdefault(key, value)
    try:
        command()
    except UserError as error:
        if DEBUG in os.environ:
            raise
        for problem in error.problems:
            print(f"detente: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        print("detente: interrupted" + "".join(f"; {told}" for told in stop.args), file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if DEBUG in os.environ:
            raise
        told = " ".join(str(error).split())[:300]
        print(f"detente: a fault of ours, {type(error).__name__}: {told}; set {DEBUG}=1 to see where", file=sys.stderr)
        sys.exit(1)
