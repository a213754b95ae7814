"""README's first swap over real HTTP, with real JPEG files, against gunicorn on an embedded database."""

import io
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import piexif
import pytest
import requests
from PIL import Image

from tests.e2e.conftest import PROJECT, Served

README = PROJECT / "README.md"


class Collector:
    """Somebody following the README over HTTP."""

    def __init__(self, api: str, name: str) -> None:
        self.api = api
        self.http = requests.Session()
        query = {"email": f"{name}@people.example", "name": name}
        token = self.get("/dev/identity-token", params=query)["identity_token"]
        signed_in = self.post("/auth/google-login", {"google_token": token})
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        self.id = self.get("/profile/me")["user_id"]

    def get(self, path: str, **options: Any) -> Any:
        """GET and return the data."""
        return self._data(self.http.get(self.api + path, timeout=10, **options))

    def post(self, path: str, json: Any = None) -> Any:
        """POST and return the data."""
        return self._data(self.http.post(self.api + path, json=json, timeout=10))

    @staticmethod
    def _data(answer: requests.Response) -> Any:
        assert answer.ok, answer.text
        return answer.json()["data"]

    def add_card(self, picture: bytes, idol: str) -> str:
        """Upload a picture and return the card it became."""
        wanted = {"content_type": "image/jpeg", "file_size_bytes": len(picture), "idol": idol}
        upload = self.post("/cards/upload-url", {**wanted, "idol_group": "IVE"})
        # No credentials: the signature in the URL is enough.
        put = requests.put(upload["upload_url"], data=picture, headers=upload["required_headers"], timeout=10)
        assert put.status_code == 200, put.text
        self.post(f"/cards/{upload['card_id']}/confirm-upload")
        card_id: str = upload["card_id"]
        return card_id


def photo(colour: str) -> bytes:
    """Return a JPEG as a phone takes it: upside down by EXIF, with the place in it."""
    gps = {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((25, 1), (2, 1), (0, 1))}
    exif = piexif.dump({"0th": {piexif.ImageIFD.Orientation: 3, piexif.ImageIFD.Make: b"Phone"}, "GPS": gps})
    target = io.BytesIO()
    Image.new("RGB", (600, 900), colour).save(target, "JPEG", exif=exif)
    return target.getvalue()


def test_two_collectors_swap_a_card_and_find_it_in_their_own_binder(served: Served) -> None:
    api = f"{served.url}/api/v1"
    mina, sana = Collector(api, "mina"), Collector(api, "sana")
    minas_card = mina.add_card(photo("pink"), "Wonyoung")
    sanas_card = sana.add_card(photo("purple"), "Rei")
    assert [card["id"] for card in mina.get(f"/users/{sana.id}/cards")["cards"]] == [sanas_card]

    friendship = mina.post("/friends/request", {"target_user_id": sana.id})
    assert sana.post(f"/friends/{friendship['id']}/accept")["thread_id"]

    proposal = {
        "responder_id": sana.id,
        "initiator_card_ids": [minas_card],
        "responder_card_ids": [sanas_card],
    }
    trade = mina.post("/trades", proposal)
    assert trade["status"] == "proposed"
    assert sana.post(f"/trades/{trade['id']}/accept")["status"] == "accepted"
    assert mina.post(f"/trades/{trade['id']}/complete")["status"] == "accepted"
    assert sana.post(f"/trades/{trade['id']}/complete")["status"] == "completed"

    for person, idol in ((mina, "Rei"), (sana, "Wonyoung")):
        (received,) = person.get("/cards/me", params={"status": "held"})
        assert received["idol"] == idol
        assert received["acquired_trade_id"] == trade["id"]
        picture = requests.get(received["image_url"], timeout=10)
        assert picture.headers["Content-Type"] == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).size == (600, 900)
        assert b"Exif" not in picture.content and b"Phone" not in picture.content


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands use curl, which is not here")
def test_the_commands_of_the_readme_do_what_it_says(served: Served, tmp_path: Path) -> None:
    section = README.read_text().split("## Your first swap")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 6
    script = tmp_path / "first-swap.sh"
    script.write_text("set -eu\n" + "\n".join(blocks))
    done = subprocess.run(
        ["bash", str(script)],
        cwd=PROJECT,
        env={**os.environ, "API": f"{served.url}/api/v1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    lines = done.stdout.splitlines()
    assert lines[-6:-1] == ["accepted", "accepted", "completed", "Rei", "Wonyoung"]
    assert requests.get(lines[-1], timeout=10).headers["Content-Type"] == "image/jpeg"
