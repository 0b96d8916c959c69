"""Erase who has not been enrolled or refreshed for a stated time."""

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


def expire(gallery: Gallery, *, before: datetime, actor: str = "local") -> list[str]:
    """Erase these people, each in one operation, and return their names. It cannot be undone."""
    names = [person.name for person in expired(gallery, before=before)]
    for name in names:
        gallery.erase(name, actor=actor)
    return names
