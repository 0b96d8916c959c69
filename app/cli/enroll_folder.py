"""``facegate enroll --folder``: everybody in a folder of people."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.cli.common import Output
from facegate.cli.interrupt import Operation

if TYPE_CHECKING:
    from facegate.choice import FaceChoice
    from facegate.recognizer import Recognizer


def enroll_folder(
    recognizer: "Recognizer",
    folder: Path,
    operation: Operation,
    face: "FaceChoice",
    keep_crops: bool,
    output: Output,
) -> int:
    """Enrol everybody in a folder; return the exit status."""
    from facegate.data.folders import find_people
    from facegate.enrolment import enroll_people

    people = find_people(folder)
    with output.progress("enrol", sum(len(files) for _, files in people)) as advance:
        answer = enroll_people(
            recognizer,
            people,
            face=face,
            keep_crops=keep_crops,
            op_uid=operation.uid,
            done=advance,
        )
    n = len(answer.identities)
    text = f"{n} of {len(people)} people enrolled, {answer.kept} samples kept"
    if answer.known:
        text += f", {answer.known} enrolled before"
    output.result(text, answer.as_json())
    for entry in answer.left_out:
        output.left_out(entry)
    reasons = Counter(entry.code for entry in answer.left_out)
    if reasons:
        counted = ", ".join(f"{count} {code}" for code, count in reasons.most_common())
        output.note(f"left out {sum(reasons.values())} of {answer.samples} files: {counted}")
    for near in answer.conflicts:
        output.note(f"warning: somebody new looks like {near.identity.name} ({near.score:.3f})")
    return 0 if n else 3
