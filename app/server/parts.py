"""Photographs out of a request: the body itself, or the parts of a form, in memory only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request

from facegate.server.reasons import Refusal

MAX_FIELD = 4_096


@dataclass(slots=True)
class Upload:
    """What came with a request: photographs in their order, and the form's short texts."""

    photographs: list[bytes] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


async def upload(request: Request, *, most: int, parts: int) -> Upload:
    """Read the photographs of a request.

    Args:
        most: how many photographs may come.
        parts: how many parts a form may have.

    Raises:
        Refusal: ``wrong_type``, ``invalid_request`` or ``not_an_image``.
    """
    kind, options = _content_type(request.headers.get("content-type", ""))
    body = await request.body()
    if kind == "multipart/form-data":
        found = _form(body, options.get("boundary", ""), parts)
    elif not kind or kind.startswith("image/") or kind == "application/octet-stream":
        found = Upload([body] if body else [])
    else:
        raise Refusal(
            "wrong_type",
            f"the body is {kind[:60]!a}",
            "send a photograph as the body, or as parts of multipart/form-data",
        )
    if not found.photographs:
        raise Refusal("not_an_image", "the request holds no photograph", "send one as the body")
    if len(found.photographs) > most:
        raise Refusal(
            "invalid_request",
            f"{len(found.photographs)} photographs came, at most {most} are read",
            "send fewer",
        )
    return found


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    message = Message()
    message["content-type"] = value
    kind = value.partition(";")[0].strip().lower()
    options = message.get_params(failobj=[]) or []
    return kind, {str(k).lower(): str(v) for k, v in options[1:]}


class _Collector:
    """Takes a form apart; a part with a file name or an image type is a photograph."""

    def __init__(self, most: int) -> None:
        self.upload = Upload()
        self._most, self._n_parts = most, 0
        self._head: list[tuple[bytes, bytes]] = []
        self._name, self._value, self._data = b"", b"", bytearray()
        self.is_whole = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def _begin(self) -> None:
        self._n_parts += 1
        if self._n_parts > self._most:
            raise Refusal(
                "invalid_request", f"the form has more than {self._most} parts", "send fewer"
            )
        self._head.clear()
        self._data = bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._head.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _end(self) -> None:
        head = Message()
        for key, value in self._head:
            if key in (b"content-disposition", b"content-type"):
                head[key.decode("latin-1")] = value.decode("utf-8", "replace")
        name = str(head.get_param("name", "", "content-disposition"))
        is_file = head.get_filename() is not None or head.get_content_maintype() == "image"
        if is_file:
            self.upload.photographs.append(bytes(self._data))
        elif len(self._data) > MAX_FIELD:
            raise Refusal("invalid_request", f"the field {name[:40]!a} is too long", "shorten it")
        else:
            self.upload.fields[name] = self._data.decode("utf-8", "replace")

    def _whole(self) -> None:
        self.is_whole = True


def _form(body: bytes, boundary: str, parts: int) -> Upload:
    problem = Refusal("invalid_request", "the form cannot be read", "send multipart/form-data")
    if not boundary or not boundary.isascii():
        raise problem
    collector = _Collector(parts)
    try:
        parser = MultipartParser(boundary.encode(), collector.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (FormParserError, LookupError, ValueError) as error:
        raise problem from error
    if not collector.is_whole:
        raise Refusal("invalid_request", "the form ends too early", "send it again, whole")
    return collector.upload
