"""Workers that are given up leave nothing behind and keep nobody waiting."""

import subprocess
import sys

# More is on its way to the workers than a pipe holds, and they take none of it.
INTERRUPTED = """
import time
from pipeline.schemas import Article
from pipeline.scoring.workers import workers

def busy(articles):
    time.sleep(600)

with workers(busy, 2) as submit:
    for number in range(20):
        submit([Article(str(number), "x" * 1_000_000)])
    time.sleep(2)
    raise KeyboardInterrupt
"""


def test_an_interruption_while_articles_are_on_their_way_ends_at_once() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    assert told.endswith("KeyboardInterrupt\n")


FAILED = """
import threading
from pipeline.schemas import Article
from pipeline.scoring.workers import workers

try:
    with workers(len, 2) as submit:
        submit([Article("1", "x")]).result()
        raise RuntimeError
except RuntimeError:
    print(*(thread.name for thread in threading.enumerate()))
"""


def test_an_error_leaves_no_thread_that_the_interpreter_would_meet_at_its_end() -> None:
    told = subprocess.run([sys.executable, "-c", FAILED], capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == ("MainThread\n", "")
