"""What the description of the API says about an operation: an example of every answer."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from facegate.server.envelope import example
from facegate.server.reasons import REASONS

Responses = dict[int | str, dict[str, Any]]

# What can come from every operation that needs a key.
COMMON = ("unauthorized", "forbidden", "wrong_host", "rate_limited", "invalid_request")
PHOTO = (
    *("no_face", "several_faces", "not_upright", "too_small", "not_an_image", "image_too_large"),
    *("wrong_type", "too_slow", "busy", "deadline"),
)


class Problem(BaseModel):
    """Why the API said no."""

    code: Annotated[str, Field(json_schema_extra={"enum": sorted(REASONS)})]
    message: str
    hint: str
    request_id: str


class Refused(BaseModel):
    """The one form of every error."""

    error: Problem


def answers(success: Any, *codes: str, status: int = 200) -> Responses:
    """Return the responses of an operation.

    Args:
        success: an example of the answer when all goes well.
        codes: the reasons for which it says no, beside those that every operation has.
    """
    found: Responses = {status: {"description": "What was asked for"}}
    if status != 204:
        found[status]["content"] = {"application/json": {"example": success}}
    for code in dict.fromkeys((*codes, *COMMON)):
        entry = found.setdefault(
            REASONS[code].status,
            {
                "description": "",
                "model": Refused,
                "content": {"application/json": {"examples": {}}},
            },
        )
        entry["description"] = ", ".join(filter(None, (entry["description"], f"`{code}`")))
        entry["content"]["application/json"]["examples"][code] = {"value": example(code)}
    return found


def photo_body(most: int, **fields: str) -> dict[str, Any]:
    """Return the description of a body that holds photographs.

    Args:
        most: how many; only a form can hold more than one.
        fields: short texts of the form, each with its meaning.
    """
    binary = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {
        "photo": {"type": "array", "items": binary, "minItems": 1, "maxItems": most}
    }
    for name, meaning in fields.items():
        properties[name] = {"type": "string", "description": meaning}
    content: dict[str, Any] = {
        "multipart/form-data": {"schema": {"type": "object", "properties": properties}}
    }
    if most == 1 or fields:
        content = {kind: {"schema": binary} for kind in ("image/jpeg", "image/png")} | content
    return {"requestBody": {"required": True, "content": content}}


IDENTITY = {
    "id": 1,
    "uid": "6f0c8a5e0d8f4b1e9b6f6a3a7d2c1b0e",
    "name": "Ada Lovelace",
    "samples": 3,
    "created": "2026-05-01T09:30:00+00:00",
}
FACE = {
    "source": "the photograph",
    "box": [201.5, 88.2, 262.1, 166.0],
    "landmarks": [[217.1, 119.6], [247.0, 118.3], [232.6, 137.9], [220.4, 149.5], [245.6, 148.2]],
    "score": 0.9998,
    "quality": 0.83,
}
VERIFICATION = {
    "decision": "match",
    "score": 0.71,
    "threshold": 0.42,
    "fmr": 0.001,
    "fmr_at_score": 0.0001,
    "model": "facegate-1-0123456789ab",
    "calibration": "card",
    "identity": {"id": 1, "name": "Ada Lovelace"},
    "template": 3,
    "faces": [FACE],
    "seconds": {"decode": 0.01, "detect": 0.05, "embed": 0.02, "total": 0.08},
    "fmr_ci95": None,
    "reason": None,
    "problem": None,
    "presentation": "not checked",
}
OPERATION = {
    "number": 7,
    "kind": "rename",
    "at": "2026-05-01T09:31:00+00:00",
    "actor": "page",
    "identity": 1,
    "text": "renamed Ada to Ada Lovelace",
    "undone_by": None,
}
