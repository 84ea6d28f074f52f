"""Workers that score windows beside each other: processes on Linux, threads elsewhere and for PyTorch."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import pyarrow as pa

from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.schemas import Article
from pipeline.scoring.rows import score_sentences
from pipeline.scoring.sinks import encode
from pipeline.text.segmentation import segment

_scorer: Scorer | None = None  # of a worker process, which has it from its parent by forking


@dataclass(frozen=True)
class Piece:
    """The encoded rows of a window, how many they are, and of how many articles and sentences."""

    data: pa.Table | bytes
    rows: int
    articles: int
    sentences: int


@dataclass(frozen=True)
class Scorer:
    """Articles → their rows as they stand in a file of an ending."""

    classifier: Classifier
    ending: str
    excel_safe: bool = False

    def __call__(self, articles: Sequence[Article]) -> Piece:
        cut = [segment(article) for article in articles]
        table = score_sentences(articles, cut, self.classifier)
        return Piece(encode(table, self.ending, self.excel_safe), table.num_rows, len(cut), sum(map(len, cut)))


Submit = Callable[[Sequence[Article]], "Future[Piece]"]


@contextlib.contextmanager
def workers(scorer: Scorer, count: int, in_threads: bool = False) -> Iterator[Submit]:
    """A function that hands articles to the next free worker.

    Raises:
        UserError: when a worker was killed from outside.
    """
    executor: Executor
    others = set(multiprocessing.active_children())
    if count > 1 and not in_threads and sys.platform == "linux":
        # Forked, workers share the model's memory and start at once. They are forked before any thread starts.
        context = multiprocessing.get_context("fork")
        executor = ProcessPoolExecutor(count, context, _start, (scorer, os.getpid()))
        submit: Submit = lambda articles: executor.submit(_score, articles)  # noqa: E731
    else:
        executor = ThreadPoolExecutor(count)
        submit = lambda articles: executor.submit(scorer, articles)  # noqa: E731
    try:
        yield submit
    except BrokenProcessPool:
        _abandon(executor, others)
        raise UserError.one(
            "a worker was killed", "detente score", "give it memory or fewer --workers, and go on without --restart"
        ) from None
    except BaseException:
        _abandon(executor, others)
        raise
    executor.shutdown()


def _abandon(executor: Executor, others: set[BaseProcess]) -> None:
    """Kill the workers, and take care that nothing waits for what they had begun."""
    for process in set(multiprocessing.active_children()) - others:
        process.kill()
    queue = getattr(executor, "_call_queue", None)
    if queue is not None:  # else a thread that still sends would wait for ever, before Python 3.12 (gh-94777)
        queue._reader.close()
    # A pool of dead processes is waited for: its thread would else close a pipe while the interpreter, at its end,
    # writes to it. Threads go on to the end of their piece, and nobody waits for that here.
    executor.shutdown(wait=queue is not None, cancel_futures=True)


def _start(scorer: Scorer, parent: int) -> None:
    global _scorer
    _scorer = scorer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the parent was killed: nobody would take the rows."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _score(articles: Sequence[Article]) -> Piece:
    assert _scorer is not None  # set by _start
    return _scorer(articles)
