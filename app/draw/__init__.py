"""One drawing code for preview windows, annotated photographs, snapshots and the README."""

from facegate.draw.enrolment import enrolment_screen
from facegate.draw.faces import Tag, annotated, draw_tags, tag_of

__all__ = ["Tag", "annotated", "draw_tags", "enrolment_screen", "tag_of"]
