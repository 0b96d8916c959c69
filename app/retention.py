"""Erase who has not been enrolled or refreshed for a stated time."""

from collections.abc import Callable
from datetime import datetime

from facegate.gallery import Gallery, Identity


def expired(gallery: Gallery, *, before: datetime) -> list[Identity]:
    """Return the people whose newest sample is older than a moment.

    Args:
        gallery: an open gallery.
        before: UTC; whoever got a sample then or later stays.
    """
    people = (person for person in gallery.identities() if person.created < before)
    return [
        person
        for person in people
        if all(sample.created < before for sample in gallery.samples(person.name))
    ]


def expire(
    gallery: Gallery,
    *,
    before: datetime,
    actor: str = "local",
    op_uid: Callable[[], str | None] = lambda: None,
) -> list[str]:
    """Erase these people, each in one operation, and return their names. It cannot be undone.

    Args:
        gallery, before: as of `expired`.
        actor: who does it.
        op_uid: gives each operation its id.
    """
    names = [person.name for person in expired(gallery, before=before)]
    for name in names:
        gallery.erase(name, actor=actor, op_uid=op_uid())
    return names
