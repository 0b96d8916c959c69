"""A film: every frame in order, as fast as it is taken."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from facegate.capture.frames import (
    COUNT,
    FPS,
    HEIGHT,
    TIME_MS,
    WIDTH,
    Capture,
    Connect,
    Frame,
    close_at_exit,
    rgb,
    whole,
)
from facegate.capture.opencv import quiet_cv2
from facegate.closing import Closing
from facegate.errors import CameraError, InputError

PATIENCE_S = 20.0  # how long one frame may take: a busy machine or disk is no damaged film
AHEAD = 4  # frames decoded before anybody asked for them
MAX_SIDE, MAX_PIXELS = 16_384, 50_000_000  # as for photographs
# Text formats that name other files or addresses to read: FFmpeg would follow them.
PLAYLISTS = (b"#EXT", b"ffconcat", b"v=0", b"<?xml", b"<MPD", b"[playlist]")


class Film(Closing):
    """A film, every frame in order, ending by itself; iterate once.

    Attributes:
        name: the file's name.
        fps: frames a second as the film states it, 25 where it does not.
        n_frames: how many the film states, or None.
        size: width, height as shown, after the film's own rotation.
        n_seen: frames that arrived so far; n_dropped is always 0.
    """

    is_film = True
    n_dropped = 0

    def __init__(self, path: Path, *, connect: Connect | None = None) -> None:
        _refuse_non_films(path)
        self.name = path.name
        self._capture = (connect or _connect_file)(str(path))
        if not self._capture.isOpened():
            raise InputError(
                f"{path} is no film that can be read",
                hint="give a film such as .mp4, .avi, .mov, .mkv or .webm, whole",
                code="not_a_film",
            )
        self.size = (whole(self._capture.get(WIDTH)), whole(self._capture.get(HEIGHT)))
        if max(self.size) > MAX_SIDE or self.size[0] * self.size[1] > MAX_PIXELS:
            self._capture.release()
            raise InputError(
                f"{path} has frames of {self.size[0]} x {self.size[1]} pixels",
                hint=f"at most {MAX_PIXELS // 1_000_000} megapixels a frame are read",
                code="image_too_large",
            )
        stated = self._capture.get(FPS)
        self.fps = stated if 0 < stated < 1000 else 25.0
        count = self._capture.get(COUNT)
        self.n_frames = int(count) if 0 < count < 1e9 else None
        self.n_seen = 0
        self._ended = False
        self._stop = threading.Event()
        self._ahead: queue.Queue[Frame | BaseException | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._read, name="film", daemon=True)
        self._thread.start()
        close_at_exit(self)

    def _read(self) -> None:
        last = -1.0
        index = 0
        try:
            while not self._stop.is_set():
                there, picture = self._capture.read()
                if not there or picture is None:
                    break
                stated = float(self._capture.get(TIME_MS)) / 1000.0
                # Some films state no times, or times that stand still.
                now = stated if stated > last else max(last, 0.0) + (index > 0) / self.fps
                last = now
                self._put(Frame(rgb(picture), now, index))
                index += 1
            ending: BaseException | None = None
        except Exception as error:
            ending = error
        # Released before the end is told: a thread inside OpenCV when Python ends would take the
        # process down with it.
        self._capture.release()
        self._put(ending)

    def _put(self, item: Frame | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._ahead.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame.

        Raises:
            InputError: there is no frame at all.
            CameraError: a frame took longer than ``PATIENCE_S`` to decode.
        """
        while True:
            try:
                item = self._ahead.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise CameraError(
                    f"film {self.name} gave no frame for {PATIENCE_S:g} seconds",
                    hint="the file may be damaged, or its disk does not answer",
                ) from None
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self._ended = True
                break
            self.n_seen += 1
            yield item
        if self.n_seen == 0:
            raise InputError(
                f"film {self.name} has no frame that can be read",
                hint="the file may be damaged or empty",
                code="not_a_film",
            )

    @property
    def note(self) -> str:
        """Return what a reader should know about how the film ended, or nothing."""
        if self._ended and self.n_frames is not None and self.n_seen < 0.9 * self.n_frames:
            return f"film {self.name} ends after {self.n_seen} of {self.n_frames} frames: damaged?"
        return ""

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(timeout=1.0)


def _refuse_non_films(path: Path) -> None:
    """Refuse what FFmpeg must not be given: no regular file, empty, or a list of other files."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise InputError(f"{path} is {what}, not a film", hint="give one film", code="not_a_film")
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", hint="check its permissions"
        ) from error
    if not head:
        raise InputError(f"{path} is empty", hint="give a film", code="not_a_film")
    if head.startswith(PLAYLISTS):
        raise InputError(
            f"{path} is a list of other films or addresses",
            hint="give the film itself",
            code="not_a_film",
        )


def _connect_file(target: str | int) -> Capture:
    cv2 = quiet_cv2()
    capture: Capture = cv2.VideoCapture(str(target), cv2.CAP_FFMPEG)
    return capture
