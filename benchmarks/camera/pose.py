"""What the pose of five landmarks is worth: synthetic turns of people, read by the detector.

FACEGATE_TEST_DATA=../data uv run benchmarks/camera/pose.py --people 60
"""

import argparse

import numpy as np
from people import people_with, portraits

from facegate.clips import Shot, take
from facegate.data.images import read_photo
from facegate.models.pipeline import Pipeline
from facegate.quality import pose

TURNS = ((20, 0), (-20, 0), (12, 0), (-12, 0), (0, 16), (0, 10), (0, -10), (0, -16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=60)
    options = parser.parse_args()
    pipeline = Pipeline(min_face_px=60)
    paths = [paths[0] for _, paths in people_with(1, options.people, seed=4)]
    read: dict[tuple[int, int], list[tuple[float, float]]] = {turn: [] for turn in TURNS}
    for person in portraits(pipeline, paths):
        straight = pipeline.find(read_photo(take(person, Shot(), seed=1))).faces
        if not straight or abs(pose(straight[0].landmarks).yaw) > 10:
            continue  # photographed from the side: nobody's straight look
        own = pose(straight[0].landmarks)
        for yaw, pitch in TURNS:
            faces = pipeline.find(
                read_photo(take(person, Shot(yaw=yaw, pitch=pitch), seed=1))
            ).faces
            if faces:
                seen = pose(faces[0].landmarks)
                read[yaw, pitch].append((seen.yaw - own.yaw, seen.pitch - own.pitch))
    print(
        f"{'turned':>12}  {'n':>3}  yaw read: 10 %, median, 90 %    pitch read: 10 %, median, 90 %"
    )
    for (yaw, pitch), values in read.items():
        low, middle, high = np.percentile(np.array(values), [10, 50, 90], axis=0)
        print(
            f"{yaw:>5}, {pitch:>4}    {len(values):>3}  "
            f"{low[0]:9.1f} {middle[0]:9.1f} {high[0]:9.1f}    "
            f"{low[1]:9.1f} {middle[1]:9.1f} {high[1]:9.1f}"
        )


if __name__ == "__main__":
    main()
