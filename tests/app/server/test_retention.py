"""People leave the server's own collections in time."""

from typing import Any


def test_the_server_forgets_in_its_own_collections_only(live: Any, pictures: Any) -> None:
    client = live.client("admin")
    client.post("/api/v1/collections", json={"name": "guests"})
    photo = pictures["ada-1"].read_bytes()
    for name in ("default", "guests"):
        path = f"/api/v1/collections/{name}/identities"
        assert client.post(path, params={"name": "Ada"}, content=photo).status_code == 201
    assert client.patch("/api/v1/settings", json={"keep_days": 5}).json()["keep_days"] == 5
    assert client.patch("/api/v1/settings", json={"keep_days": 1096}).status_code == 422
    live.services.expire()
    totals = {entry["name"]: entry["identities"] for entry in listed(client)}
    assert totals == {"default": 1, "guests": 1}
    live.services.preferences.set("keep_days", "-1")
    live.services.expire()
    totals = {entry["name"]: entry["identities"] for entry in listed(client)}
    assert totals == {"default": 1, "guests": 0}


def test_one_collection_that_is_damaged_hides_no_other(live: Any, pictures: Any) -> None:
    client = live.client("admin")
    folder = live.services.settings.folder / "collections"
    folder.mkdir()
    (folder / "broken.db").write_text("no gallery")
    client.post("/api/v1/collections", json={"name": "guests"})
    path = "/api/v1/collections/guests/identities"
    client.post(path, params={"name": "Ada"}, content=pictures["ada-1"].read_bytes())
    assert {entry["name"]: entry["identities"] for entry in listed(client)} == {
        "default": 0,
        "broken": None,
        "guests": 1,
    }
    refused = client.get("/api/v1/collections/broken")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    assert "--gallery" not in refused.json()["error"]["hint"]
    live.services.preferences.set("keep_days", "-1")
    live.services.expire()
    assert client.get(path).json()["total"] == 0


def listed(client: Any) -> list[dict[str, Any]]:
    return list(client.get("/api/v1/collections").json()["collections"])
