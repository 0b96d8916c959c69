"""Every reason for which the API says no: a word, a status, a sentence for the documentation."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException

from facegate.errors import FacegateError


@dataclass(frozen=True, slots=True)
class Reason:
    """One word of the error envelope.

    Attributes:
        status: the HTTP status that it comes with.
        example: a message that it comes with.
    """

    status: int
    example: str


REASONS = {
    "no_face": Reason(422, "no face found in the photograph"),
    "several_faces": Reason(422, "2 faces found in the photograph, one was asked for"),
    "not_upright": Reason(422, "the face in the photograph is not upright"),
    "too_small": Reason(422, "the photograph is 20 x 20 pixels, too small to hold a face"),
    "disagrees": Reason(422, "the face does not look like the rest of Ada"),
    "known": Reason(422, "the photograph is enrolled already"),
    "not_an_image": Reason(422, "the body is no photograph that facegate reads"),
    "invalid_name": Reason(422, "a name of 300 characters is too long"),
    "image_too_large": Reason(413, "the body has more than 10,000,000 bytes"),
    "invalid_request": Reason(422, "limit must be at most 200"),
    "unknown_identity": Reason(404, "there is no identity 17"),
    "not_found": Reason(404, "there is no collection guests"),
    "method_not_allowed": Reason(405, "GET is not possible here"),
    "name_taken": Reason(409, "somebody else is called Ada"),
    "conflict": Reason(409, "this face looks like Grace, who is enrolled"),
    "model_mismatch": Reason(409, "the collection holds templates of another model"),
    "consent_needed": Reason(409, "version 2 of the consent text was not accepted"),
    "session_over": Reason(409, "this enrolment is over"),
    "not_ready": Reason(409, "only 1 frame could be kept"),
    "unauthorized": Reason(401, "no key was given"),
    "forbidden": Reason(403, "this key may not enrol"),
    "wrong_host": Reason(421, "this server does not answer for example.org"),
    "wrong_type": Reason(415, "the body is text/plain"),
    "rate_limited": Reason(429, "too many requests"),
    "too_slow": Reason(408, "the body did not arrive in 30 s"),
    "busy": Reason(503, "the queue is full"),
    "deadline": Reason(503, "there was no answer in 30 s"),
    "no_threshold": Reason(503, "the model has no measured threshold"),
    "model_missing": Reason(503, "the model is not installed"),
    "gallery": Reason(503, "the gallery cannot be used"),
    "disk_full": Reason(507, "the disk is full"),
    "bug": Reason(500, "bug in facegate"),
}

# Words of the libraries' own errors that the API has another word for.
_SYNONYMS = {
    "no_such_file": "not_an_image",
    "not_a_file": "not_an_image",
    "not_a_gallery": "not_found",
    "damaged": "gallery",
    "newer_schema": "gallery",
    "read_only": "gallery",
    "io_error": "gallery",
    "wrong_weights": "model_missing",
    "no_device": "model_missing",
    "machine": "gallery",
    "error": "invalid_request",
}


class Refusal(HTTPException):
    """An answer of the API that is an error; it passes the framework unchanged.

    Args:
        code: one of ``REASONS``.
        message: what failed, on what; no full stop.
        hint: what to do about it.
        retry_after: seconds after which trying again makes sense.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", *, retry_after: float | None = None
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
        if code == "unauthorized":
            headers["WWW-Authenticate"] = "Bearer"
        super().__init__(REASONS[code].status, detail=message, headers=headers)
        self.code, self.message, self.hint = code, message, hint


def refusal_of(error: FacegateError) -> Refusal:
    """Return a deliberate error of facegate as an answer of the API."""
    code = _SYNONYMS.get(error.code, error.code)
    if code not in REASONS:
        code = "not_ready" if error.exit_status == 3 else "invalid_request"
    retry = 1.0 if code == "busy" else None
    return Refusal(code, error.message, error.hint, retry_after=retry)
