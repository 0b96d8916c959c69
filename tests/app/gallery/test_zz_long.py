"""Any operations of two connections: the followed index is a rebuilt one, undo is exact."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from facegate.errors import (
    ConflictError,
    NameTakenError,
    UnknownIdentityError,
)
from facegate.gallery import Gallery, Sample

MakeSamples = Callable[..., list[Sample]]
NAMES = ("Ada", "Bob", "Cleo", "ADA", "Dora")
REFUSALS = (ConflictError, NameTakenError, UnknownIdentityError)
names = st.sampled_from(NAMES)
which = st.integers(0, 1)


@pytest.mark.parametrize("examples", [150])
def test_any_operations(
    examples: int, samples: MakeSamples, state: Callable[[Gallery], object], model_id: str
) -> None:
    class TwoConnections(RuleBasedStateMachine):
        """Two galleries over one file, and what it showed before each operation."""

        uids = Bundle("uids")

        @initialize()
        def start(self) -> None:
            self.folder = Path(tempfile.mkdtemp())
            path = self.folder / "gallery.db"
            self.galleries = [Gallery.open(path, model_id=model_id, create=True) for _ in range(2)]
            for gallery in self.galleries:
                # The disk need not spin for this.
                with gallery._store.idle() as db:
                    db.execute("PRAGMA synchronous = OFF")
            self.before: list[object] = []
            self.number = 0

        def change(self, who: int, operation: Callable[[Gallery], object]) -> None:
            gallery = self.galleries[who]
            before, lines = state(gallery), len(gallery.history(10_000))
            try:
                operation(gallery)
            except REFUSALS:
                assert state(gallery) == before
                assert len(gallery.history(10_000)) == lines
                return
            if len(gallery.history(10_000)) > lines:
                self.before.append(before)

        @rule(target=uids, who=which, name=names, n=st.integers(1, 3))
        def enroll(self, who: int, name: str, n: int) -> str:
            self.number += 1
            uid = f"op-{self.number}"
            given = samples(n, str(self.number % 7))
            self.change(who, lambda g: g.enroll(name, given, op_uid=uid))
            return uid

        @rule(who=which, uid=uids)
        def enroll_again(self, who: int, uid: str) -> None:
            gallery = self.galleries[who]
            if gallery.find_operation(uid) is None:
                return
            before = state(gallery)
            try:
                gallery.enroll("Ada", samples(1, "other"), op_uid=uid)
            except ConflictError as error:
                assert "erased since" in error.message  # noqa: PT017
            assert state(gallery) == before

        @rule(who=which, old=names, new=names)
        def rename(self, who: int, old: str, new: str) -> None:
            self.change(who, lambda g: g.rename(old, new))

        @rule(who=which, source=names, into=names)
        def merge(self, who: int, source: str, into: str) -> None:
            self.change(who, lambda g: g.merge(source, into))

        @rule(who=which, name=names)
        def remove(self, who: int, name: str) -> None:
            self.change(who, lambda g: g.remove(name))

        @rule(who=which, number=st.integers(1, 12))
        def remove_sample(self, who: int, number: int) -> None:
            self.change(who, lambda g: g.remove_sample(number))

        @rule(who=which, name=names)
        def erase(self, who: int, name: str) -> None:
            gallery = self.galleries[who]
            lines = len(gallery.history(10_000))
            try:
                gallery.erase(name)
            except REFUSALS:
                assert len(gallery.history(10_000)) == lines
                return
            self.before.clear()
            assert name.casefold() not in {p.name.casefold() for p in gallery.identities()}

        @rule(who=which)
        def undo(self, who: int) -> None:
            gallery = self.galleries[who]
            before = state(gallery)
            try:
                gallery.undo()
            except REFUSALS:
                assert state(gallery) == before
                return
            assert state(gallery) == self.before.pop()

        @invariant()
        def both_answer_like_a_rebuilt_index(self) -> None:
            if not hasattr(self, "galleries"):
                return
            rows = np.stack([s.embedding for n in range(3) for s in samples(2, str(n))])
            with Gallery.open(self.galleries[0].path, read_only=True) as fresh:
                wanted = fresh.search(rows, k=4)
                assert fresh.check() == []
            for gallery in self.galleries:
                assert gallery.search(rows, k=4) == wanted

        def teardown(self) -> None:
            if hasattr(self, "galleries"):
                for gallery in self.galleries:
                    gallery.close()
                shutil.rmtree(self.folder)

    run_state_machine_as_test(
        TwoConnections,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, derandomize=False
        ),
    )
