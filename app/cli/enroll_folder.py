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
    from facegate.data.folders import find_people, loose_photos
    from facegate.data.text import counted
    from facegate.folder_enrolment import enroll_people

    people, loose = find_people(folder), len(loose_photos(folder))
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
    text = f"{n} of {counted(len(people), 'person', 'people')} enrolled, "
    text += f"{counted(answer.kept, 'sample')} kept"
    if answer.known:
        text += f", {answer.known} enrolled before"
    output.result(text, answer.as_json())
    for entry in answer.left_out:
        output.left_out(entry)
    reasons = Counter(entry.code for entry in answer.left_out)
    if reasons:
        each = ", ".join(f"{count} {code}" for code, count in reasons.most_common())
        output.note(f"left out {sum(reasons.values())} of {answer.samples} files: {each}")
    for pair in answer.conflicts:
        new, near = pair.new.name, pair.near
        output.note(
            f"warning: {new} looks like {near.identity.name} (score {near.score:.3f}): "
            "if they are one person, use 'facegate gallery merge'"
        )
    for name, files in people:
        if not files:
            output.note(f"there are no photographs in {folder / name}")
    if loose:
        many = counted(loose, "photograph")
        output.note(f"left out {many} in {folder} itself: put them into a folder of their person")
    return 0 if n else 3
