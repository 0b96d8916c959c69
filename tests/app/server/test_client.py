"""The client against a live server."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facegate.client import ApiError, Client
from facegate.errors import ImageError, InputError
from facegate.server.settings import Limits

Pictures = dict[str, Path]


@pytest.fixture
def client(live: Any) -> Iterator[Client]:
    with Client(live.address, key=live.key("admin")) as found:
        yield found


def test_the_client_does_what_the_page_does(client: Client, pictures: Pictures) -> None:
    done = client.enroll("Ada", [pictures["ada-1"], pictures["ada-2"].read_bytes()])
    number = done["identity"]["id"]
    assert client.identify(pictures["ada-4"])["faces"][0]["identity"]["name"] == "Ada"
    assert client.verify_name("Ada", pictures["ada-3"])["decision"] == "match"
    assert client.verify(pictures["ada-1"], pictures["grace-1"])["decision"] == "no match"
    assert len(client.detect(pictures["group"])["faces"]) == 2
    assert client.add_samples(number, [pictures["ada-3"]])["kept"] == 1
    client.allow_claims(number)
    client.rename(number, "Countess")
    assert client.identity(number)["name"] == "Countess"
    client.remove_sample(client.identity(number)["sample_list"][0]["id"])
    client.remove(number)
    assert client.identities()["total"] == 0
    client.undo()
    assert [person["name"] for person in client.identities()["identities"]] == ["Countess"]
    client.erase(number)
    assert client.history()[0]["kind"] == "erase"
    assert len(client.histograms()["impostor"]) == 56
    assert client.export()[:4]
    client.create_collection("staff")
    assert [entry["name"] for entry in client.collections()] == ["default", "staff"]
    assert "facegate-1" in {model["name"] for model in client.models()}


def test_the_client_looks_after_keys_and_settings(client: Client) -> None:
    made = client.create_key("door", ["identify"], days=7)
    assert made["key"].startswith("fg_")
    assert made["id"] in {key["id"] for key in client.api_keys()}
    client.revoke_key(made["id"])
    assert made["id"] not in {key["id"] for key in client.api_keys()}
    assert client.change_settings(fmr=0.01)["fmr"] == 0.01
    assert client.settings()["fmr"] == 0.01


def test_the_client_leads_an_enrolment(client: Client, looks: dict[str, list[bytes]]) -> None:
    version = client.settings()["consent"]["version"]
    session = client.begin_session("Ada", consent_version=version)
    seen = client.send_frame(session, 1, looks["straight"][0])
    assert (seen["frame"], seen["state"], seen["faces"]) == (1, "going", 1)
    with pytest.raises(ApiError) as caught:
        client.save_session(session)
    assert caught.value.code == "not_ready"
    client.cancel_session(session)
    with pytest.raises(ApiError) as caught:
        client.cancel_session(session)
    assert caught.value.code == "not_found"


def test_errors_have_the_words_of_the_api(client: Client, pictures: Pictures) -> None:
    with pytest.raises(ApiError) as caught:
        client.enroll("Ada", [pictures["nobody"]])
    assert (caught.value.code, caught.value.status) == ("no_face", 422)
    assert caught.value.request_id


def test_an_idle_connection_is_opened_again(serving: Any) -> None:
    with serving(Limits(idle_s=1)) as live, Client(live.address, key=live.key("admin")) as client:
        client.models()
        time.sleep(2.5)  # the server has closed it meanwhile
        assert client.models()


def test_a_photograph_that_is_not_there_is_named(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nobody\.jpg cannot be read") as caught:
        client.detect(tmp_path / "nobody.jpg")
    assert caught.value.code == "no_such_file"


@pytest.mark.parametrize("address", ["example", "http://", "ftp://x", "http://[::1", "http://x:y"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        Client(address, key="x")


def test_a_server_that_is_gone_is_one_error() -> None:
    with pytest.raises(ApiError, match="did not answer"):
        Client("http://127.0.0.1:9", key="x").models()
