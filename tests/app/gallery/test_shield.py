"""Ctrl-C: afterwards it is known what was saved, and the message about it is true."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.gallery import Gallery, Sample
from facegate.gallery.shield import shielded

MakeSamples = Callable[..., list[Sample]]


def interrupt() -> None:
    """Send this process what Ctrl-C sends."""
    os.kill(os.getpid(), signal.SIGINT)


def under_shield(times: int, reached: list[int]) -> None:
    """Press Ctrl-C so many times under the shield; note how many did not get through."""
    with shielded() as shield:
        for number in range(times):
            interrupt()
            time.sleep(0)
            assert shield.caught == [signal.SIGINT] * (number + 1)
            reached.append(number)


@pytest.mark.parametrize("times", [1, 2])
def test_the_first_ctrl_c_waits_for_the_end_and_the_second_does_not(times: int) -> None:
    reached: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        under_shield(times, reached)
    assert reached == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_left_alone() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with shielded() as shield:
                assert shield.caught == []
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors


class Interrupting:
    """A connection on which Ctrl-C comes while one statement runs."""

    def __init__(self, db: sqlite3.Connection, at: str) -> None:
        self._db, self._at = db, at

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    def execute(self, query: str, *values: object) -> sqlite3.Cursor:
        cursor = self._db.execute(query, *values)  # type: ignore[arg-type]
        if query.startswith(self._at):
            interrupt()
        return cursor


@pytest.mark.parametrize(
    ("at", "is_saved"), [("INSERT INTO sample", False), ("COMMIT", True), ("BEGIN IMM", False)]
)
def test_after_ctrl_c_the_truth_is_known(
    gallery: Gallery, path: Path, samples: MakeSamples, at: str, is_saved: bool
) -> None:
    store = gallery._store
    store._db = Interrupting(store._db, at)  # type: ignore[assignment, arg-type]
    with pytest.raises(KeyboardInterrupt):
        gallery.enroll("Ada", samples(3), op_uid="mine")
    assert gallery.count() == ((1, 3) if is_saved else (0, 0))
    assert (gallery.last_operation is not None) is is_saved
    with Gallery.open(path, read_only=True) as other:
        done = other.find_operation("mine")
    assert (done is not None) is is_saved
    if done is not None:
        assert done.text == "enrolled Ada: 3 samples"
        store._db = store._db._db  # type: ignore[union-attr]
        gallery.undo()
        assert gallery.count() == (0, 0)


def enroll_and_interrupt(gallery: Gallery, given: list[Sample]) -> None:
    """Enrol, and have Ctrl-C come a moment later."""
    threading.Timer(0.5, interrupt).start()
    gallery.enroll("Dora", given)


def test_ctrl_c_ends_the_wait_for_another_process(
    peopled: Gallery, path: Path, samples: MakeSamples
) -> None:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM op").fetchall()
    with Gallery.open(path, timeout=60) as writer:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            enroll_and_interrupt(writer, samples(1))  # its COMMIT waits for the reader
        assert time.monotonic() - began < 30
        reader.execute("ROLLBACK")
        assert writer.last_operation is None
        assert writer.count() == (3, 6)
    reader.close()


def enroll_for_ever(gallery: Gallery, make: MakeSamples, tag: str, done: list[str]) -> None:
    """Enrol sample after sample under ids of their own and note them, until Ctrl-C comes."""
    threading.Timer(0.0005 * int(tag), interrupt).start()
    while True:
        uid = f"{tag}-{len(done)}"
        gallery.enroll("Ada", make(1, uid), op_uid=uid)
        done.append(uid)


def test_random_ctrl_c_and_the_message_agree(gallery: Gallery, samples: MakeSamples) -> None:
    for round_ in range(20):
        before, done = gallery.count()[1], list[str]()
        with pytest.raises(KeyboardInterrupt):
            enroll_for_ever(gallery, samples, str(round_), done)
        last = gallery.find_operation(f"{round_}-{len(done)}")
        assert gallery.count()[1] - before == len(done) + (last is not None)
    assert gallery.check() == []
