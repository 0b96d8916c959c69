"""Enrolling, asking and mending through the API, on a live server."""

from pathlib import Path
from typing import Any

import httpx
import pytest

Pictures = dict[str, Path]
PEOPLE = "/api/v1/collections/default/identities"
HERE = "/api/v1/collections/default"


def enroll(client: httpx.Client, name: str, *photographs: Path, **others: Any) -> httpx.Response:
    files = [("photo", (path.name, path.read_bytes(), "image/jpeg")) for path in photographs]
    return client.post(PEOPLE, data={"name": name}, files=files, **others)


def code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint", "request_id"}
    assert error["request_id"] == response.headers["x-request-id"]
    return str(error["code"])


@pytest.fixture
def operator(live: Any) -> httpx.Client:
    client: httpx.Client = live.client("admin")
    return client


def test_a_person_is_enrolled_found_and_refused(operator: httpx.Client, pictures: Pictures) -> None:
    answer = enroll(operator, "Ada", pictures["ada-1"], pictures["ada-2"])
    assert answer.status_code == 201, answer.text
    assert answer.json()["kept"] == 2
    found = operator.post(f"{HERE}/identify", content=pictures["ada-4"].read_bytes()).json()
    assert [face["decision"] for face in found["faces"]] == ["match"]
    assert found["faces"][0]["identity"]["name"] == "Ada"
    other = operator.post(f"{HERE}/identify", content=pictures["grace-1"].read_bytes()).json()
    assert other["faces"][0]["decision"] == "unknown"
    claim = f"{HERE}/verify?name=Ada"
    mine = operator.post(claim, content=pictures["ada-3"].read_bytes()).json()
    theirs = operator.post(claim, content=pictures["grace-1"].read_bytes()).json()
    assert (mine["decision"], theirs["decision"]) == ("match", "no match")


def test_two_photographs_are_compared(operator: httpx.Client, pictures: Pictures) -> None:
    files = [("photo", (n, pictures[n].read_bytes(), "image/jpeg")) for n in ("ada-1", "ada-3")]
    answer = operator.post("/api/v1/verify", files=files).json()
    assert answer["decision"] == "match"
    assert answer["score"] >= answer["threshold"]


def test_faces_are_detected(operator: httpx.Client, pictures: Pictures) -> None:
    answer = operator.post("/api/v1/detect", content=pictures["group"].read_bytes()).json()
    assert len(answer["faces"]) == 2


def test_an_enrolment_that_is_repeated_changes_nothing(
    operator: httpx.Client, pictures: Pictures
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = enroll(operator, "Ada", pictures["ada-1"], headers=headers)
    again = enroll(operator, "Ada", pictures["ada-1"], headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json()["identity"] == again.json()["identity"]
    assert again.json()["kept"] == 1
    (line,) = operator.get(f"{HERE}/operations").json()["operations"]
    assert line["actor"].startswith("key test (")


def test_a_second_name_for_one_face_is_refused_before_saving(
    operator: httpx.Client, pictures: Pictures
) -> None:
    enroll(operator, "Ada", pictures["ada-1"])
    refused = enroll(operator, "Eve", pictures["ada-2"])
    assert (refused.status_code, code(refused)) == (409, "conflict")
    assert operator.get(PEOPLE).json()["total"] == 1
    allowed = enroll(operator, "Eve", pictures["ada-2"], params={"allow_duplicate": True})
    assert allowed.status_code == 201


def test_people_are_renamed_merged_removed_restored_and_erased(
    operator: httpx.Client, pictures: Pictures
) -> None:
    ada = enroll(operator, "Ada", pictures["ada-1"]).json()["identity"]["id"]
    grace = enroll(operator, "Grace", pictures["grace-1"]).json()["identity"]["id"]
    assert operator.patch(f"{PEOPLE}/{ada}", json={"name": "Countess"}).status_code == 200
    taken = operator.patch(f"{PEOPLE}/{ada}", json={"name": "GRACE"})
    assert (taken.status_code, code(taken)) == (409, "name_taken")
    assert operator.post(f"{PEOPLE}/{ada}/merge", json={"into": grace}).status_code == 200
    assert operator.get(f"{PEOPLE}/{grace}").json()["samples"] == 2
    assert operator.post(f"{HERE}/undo", json={}).status_code == 200
    names = [p["name"] for p in operator.get(PEOPLE).json()["identities"]]
    assert names == ["Countess", "Grace"]
    assert operator.delete(f"{PEOPLE}/{ada}").status_code == 200
    assert code(operator.get(f"{PEOPLE}/{ada}")) == "unknown_identity"
    assert operator.post(f"{HERE}/undo", json={}).status_code == 200
    assert operator.delete(f"{PEOPLE}/{ada}", params={"erase": True}).status_code == 200
    assert code(operator.post(f"{HERE}/undo", json={})) == "conflict"


def test_collections_are_apart(live: Any, operator: httpx.Client, pictures: Pictures) -> None:
    assert operator.post("/api/v1/collections", json={"name": "staff"}).status_code == 201
    again = operator.post("/api/v1/collections", json={"name": "staff"})
    assert code(again) == "conflict"
    assert code(operator.post("/api/v1/collections", json={"name": "../x"})) == "invalid_request"
    enroll(operator, "Ada", pictures["ada-1"])
    listed = operator.get("/api/v1/collections").json()["collections"]
    assert {entry["name"]: entry["identities"] for entry in listed} == {"default": 1, "staff": 0}
    bound = live.client("enroll", collection="staff")
    assert bound.get("/api/v1/collections/staff/identities").json()["total"] == 0
    assert code(bound.get(PEOPLE)) == "not_found"


@pytest.mark.parametrize(
    ("body", "kind", "status", "word"),
    [
        (b"", "image/jpeg", 422, "not_an_image"),
        (b"rubbish", "image/jpeg", 422, "not_an_image"),
        (b"{}", "text/plain", 415, "wrong_type"),
        (b"x", "multipart/form-data", 422, "invalid_request"),
        (b"--b\r\nContent-Disp", "multipart/form-data; boundary=b", 422, "invalid_request"),
    ],
)
def test_bad_bodies_are_refused_in_words(
    operator: httpx.Client, body: bytes, kind: str, status: int, word: str
) -> None:
    answer = operator.post("/api/v1/detect", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, code(answer)) == (status, word)


def test_photographs_without_an_answer_say_why(operator: httpx.Client, pictures: Pictures) -> None:
    assert code(enroll(operator, "Ada", pictures["nobody"])) == "no_face"
    assert code(enroll(operator, "Ada", pictures["group"])) == "several_faces"
    assert operator.get(PEOPLE).json()["total"] == 0


def test_the_framework_speaks_the_same_way(operator: httpx.Client) -> None:
    assert code(operator.get("/api/v1/nothing")) == "not_found"
    assert code(operator.put("/api/v1/detect")) == "method_not_allowed"
    assert code(operator.get(PEOPLE, params={"limit": 0})) == "invalid_request"
    assert code(operator.patch(f"{PEOPLE}/1", json={})) == "invalid_request"


def test_every_operation_is_described_with_examples(operator: httpx.Client) -> None:
    description = operator.get("/api/v1/openapi.json").json()
    for path, operations in description["paths"].items():
        for operation in operations.values():
            if path in ("/metrics",) or not operation.get("summary"):
                continue
            bodies = [r["content"] for r in operation["responses"].values() if "content" in r]
            examples = [c.get("application/json", {}) for c in bodies]
            assert any("example" in e or e.get("examples") for e in examples), path


def test_health_and_metrics_need_no_key_and_name_nobody(live: Any, pictures: Pictures) -> None:
    enroll(live.client("admin"), "Ada Lovelace", pictures["ada-1"])
    assert live.stranger().get("/healthz").json() == {"status": "ok"}
    text = live.stranger().get("/metrics").text
    assert 'path="/api/v1/collections/{collection}/identities",status="201"} 1' in text
    assert "Ada" not in text


def test_an_export_can_be_imported(
    operator: httpx.Client, pictures: Pictures, tmp_path: Path
) -> None:
    from facegate.gallery import Gallery

    model = operator.get(HERE).json()["model"]
    enroll(operator, "Ada", pictures["ada-1"])
    file = tmp_path / "people.facegate"
    file.write_bytes(operator.get(f"{HERE}/export").content)
    with Gallery.open(tmp_path / "other.db", model_id=model, create=True) as gallery:
        assert gallery.import_(file).n_identities == 1


def test_settings_outlive_the_request(operator: httpx.Client) -> None:
    changed = operator.patch("/api/v1/settings", json={"fmr": 0.01, "consent_text": "Yes?"}).json()
    assert changed["fmr"] == 0.01
    assert changed["consent"]["version"] == 2
    assert operator.get("/api/v1/settings").json()["fmr"] == 0.01
