"""The field ``presentation``: there always, beside the decision, never part of it."""

import json
from pathlib import Path
from typing import Any

from facegate.models.presentation.card import MINIFASNET
from facegate.models.presentation.install import install_check
from tests.app.server.test_sessions import begin, open_stream

Pictures = dict[str, Path]
HERE = "/api/v1/collections/default"


def test_without_the_check_nothing_is_claimed(live: Any, pictures: Pictures) -> None:
    client = live.client("admin")
    photo = pictures["ada-1"].read_bytes()
    client.post(f"{HERE}/identities", params={"name": "Ada"}, content=photo)
    claim = client.post(f"{HERE}/verify", params={"name": "Ada"}, content=photo).json()
    assert claim["presentation"] == "not checked"
    (face,) = client.post(f"{HERE}/identify", content=photo).json()["faces"]
    assert face["presentation"] == "not checked"
    assert client.get("/api/v1/settings").json()["presentation_check"] is None


def test_with_the_check_every_answer_says_what_it_saw(
    serving: Any,
    facegate_home: Path,
    test_data: Path,
    pictures: Pictures,
    looks: dict[str, list[bytes]],
) -> None:
    install_check(MINIFASNET, test_data / "models")
    with serving(pad="minifasnet") as live:
        client = live.client("admin")
        photo = pictures["ada-1"].read_bytes()
        client.post(f"{HERE}/identities", params={"name": "Ada"}, content=photo)
        claim = client.post(f"{HERE}/verify", params={"name": "Ada"}, content=photo).json()
        assert (claim["decision"], claim["presentation"]) == ("match", "ok")
        files = [("photo", (n, pictures[n].read_bytes(), "image/jpeg")) for n in ("ada-1", "ada-3")]
        both = client.post("/api/v1/verify", files=files).json()
        assert both["presentation"] in ("ok", "suspected")
        (face,) = client.post(f"{HERE}/identify", content=photo).json()["faces"]
        assert face["presentation"] == "ok"
        assert client.get("/api/v1/settings").json()["presentation_check"] == "minifasnet"
        key = live.key("enroll")
        with open_stream(live, key, begin(live, key, name="Bea")) as stream:
            stream.send(looks["straight"][0])
            assert json.loads(stream.recv(timeout=60))["presentation"] in ("ok", "suspected")
