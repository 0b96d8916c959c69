"""Render docs/images/enrolment.png: a guided enrolment, drawn by the code that draws the window.

uv run benchmarks/camera/picture.py docs/images/enrolment.png
"""

import sys
import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

from facegate.capture import open_camera
from facegate.capture.film_writer import write_film
from facegate.clips import film, portrait
from facegate.data.images import read_photo
from facegate.draw import enrolment_screen
from facegate.guide import Direction
from facegate.guided import Sitting
from facegate.recognizer import Recognizer
from facegate.scenes import sitting_down, through

NAME = "Eileen Collins"


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recognizer = Recognizer(Path(folder) / "gallery.db")
        photo = read_photo(skimage.data.astronaut())
        face = recognizer.reader.pipeline.find(photo).faces[0]
        person = portrait(photo.pixels, face.landmarks)
        path = Path(folder) / "sitting.avi"
        write_film(path, film(person, through(sitting_down(seed=1)), seed=1))
        with open_camera(path) as frames:
            sitting = Sitting(recognizer, NAME, frames)
            for step in sitting:
                advice = step.advice
                pose = advice.pose
                if advice.wanted is Direction.UP and pose and pose.pitch > 5 and abs(pose.yaw) < 6:
                    break
        crops = [kept.crop for kept in sitting.kept()]
        screen = enrolment_screen(
            step.frame.pixels,
            advice,
            name=NAME,
            face=step.faces[0],
            kept=crops,
            slots=sitting.coach.best,
        )
    # 256 colours are enough for the page and a third of the bytes.
    image = Image.fromarray(screen).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
