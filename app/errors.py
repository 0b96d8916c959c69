"""Every deliberate error of facegate: the layer under everything, standard library only.

    FacegateError                      message, hint, code (a word), exit_status
    ├── InputError              2      bad input or usage; nothing was changed
    │   ├── ImageError                 not_an_image, image_too_large, too_small, no_such_file,
    │   │                              not_a_file
    │   ├── InvalidNameError           invalid_name
    │   └── CardError                  bad_card
    ├── NoAnswerError           3
    │   ├── NoFaceError                no_face
    │   ├── SeveralFacesError          several_faces
    │   └── NotUprightError            not_upright
    ├── MachineError            4      this machine lacks something
    │   ├── ModelMissingError          model_missing
    │   ├── WeightsError               wrong_weights
    │   ├── DeviceError                no_device
    │   ├── CameraError                no_camera
    │   └── NoThresholdError           no_threshold
    └── GalleryError            2
        ├── NotAGalleryError           not_a_gallery
        ├── DamagedGalleryError        damaged
        ├── NewerGalleryError          newer_schema
        ├── ModelMismatchError         model_mismatch
        ├── UnknownIdentityError       unknown_identity
        ├── NameTakenError             name_taken
        ├── ConflictError              conflict
        ├── GalleryBusyError    4      busy
        ├── ReadOnlyGalleryError 4     read_only
        └── DiskFullError       4      disk_full

The command line prints ``message`` and ``hint`` as one line and ends with ``exit_status``; the
server puts ``code``, ``message`` and ``hint`` into its error envelope.
"""


class FacegateError(Exception):
    """The base of every error that a person can meet.

    Args:
        message: what failed, and on what; no full stop at the end.
        hint: what to do about it, or empty.
        code: a stable word for programs; the class's own where empty.
    """

    code = "error"
    exit_status = 2

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class InputError(FacegateError):
    """What was given cannot be used; nothing was changed."""

    code = "invalid_request"


class ImageError(InputError):
    """A file or value that is no photograph facegate reads."""

    code = "not_an_image"


class InvalidNameError(InputError):
    """A name that cannot be given to an identity."""

    code = "invalid_name"


class CardError(InputError):
    """A model card that is incomplete or contradicts its file."""

    code = "bad_card"


class NoAnswerError(FacegateError):
    """The question was understood and cannot be answered from this photograph."""

    code = "no_answer"
    exit_status = 3


class NoFaceError(NoAnswerError):
    """No face was found in a photograph."""

    code = "no_face"


class SeveralFacesError(NoAnswerError):
    """Several faces where one was asked for."""

    code = "several_faces"


class NotUprightError(NoAnswerError):
    """The landmarks do not form an upright face, so an embedding would mean nothing."""

    code = "not_upright"


class MachineError(FacegateError):
    """This machine lacks something that the task needs."""

    code = "machine"
    exit_status = 4


class ModelMissingError(MachineError):
    """A model is known, but its weights are not installed."""

    code = "model_missing"


class WeightsError(MachineError):
    """A weight file is damaged or is not the one its card names."""

    code = "wrong_weights"


class DeviceError(MachineError):
    """A device was asked for that this machine does not have."""

    code = "no_device"


class CameraError(MachineError):
    """A camera or film that gives no usable frames."""

    code = "no_camera"


class NoThresholdError(MachineError):
    """The model has no measured threshold for the asked rate."""

    code = "no_threshold"


class GalleryError(FacegateError):
    """A gallery that cannot be used as asked; it was not changed."""

    code = "gallery"


class NotAGalleryError(GalleryError):
    """The file is something else, or is not there."""

    code = "not_a_gallery"


class DamagedGalleryError(GalleryError):
    """The file was a gallery and no longer reads as one."""

    code = "damaged"


class NewerGalleryError(GalleryError):
    """The gallery was written by a newer facegate."""

    code = "newer_schema"


class ModelMismatchError(GalleryError):
    """Embeddings of one model were offered to a gallery of another."""

    code = "model_mismatch"


class UnknownIdentityError(GalleryError):
    """No identity has this name."""

    code = "unknown_identity"


class NameTakenError(GalleryError):
    """Another identity has this name."""

    code = "name_taken"


class ConflictError(GalleryError):
    """The gallery's state does not allow this change, such as an undo of an erase."""

    code = "conflict"


class GalleryBusyError(GalleryError):
    """Another process kept the gallery locked for longer than the timeout."""

    code = "busy"
    exit_status = 4


class ReadOnlyGalleryError(GalleryError):
    """The gallery can be read but not written."""

    code = "read_only"
    exit_status = 4


class DiskFullError(GalleryError):
    """The disk is full; the change was rolled back."""

    code = "disk_full"
    exit_status = 4
