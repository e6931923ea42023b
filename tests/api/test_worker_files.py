"""What a phone loads, without a browser: routes to map applications, files, words, and the sign-in."""

import gzip
import re

import cv2
import httpx
import numpy as np
import pytest

from api.texts import TEXTS
from api.worker.maps import route_links
from api.worker.page import FOLDER, assets
from api.worker.texts import WORKER_TEXTS
from gridwatch.store import Store
from gridwatch.store.channels import put_service
from gridwatch.strongbox import Strongbox
from gridwatch.workflow import RULES
from tests.api.grid import settle
from tests.api.serving import PASSWORD, Api
from tests.channels.services import cloud_running

MOST_BYTES = 150_000
"""Compressed, of the page with all that it loads."""


def test_each_map_application_gets_the_coordinates_that_it_wants() -> None:
    # googollee/eviltransform, python/test.py, for GCJ-02; the README of wandergis/coordtransform for BD-09.
    links = dict(route_links(121.5272106, 31.1774276, "3栋, 烟感|1"))
    assert "to=121.531542,31.175304,3%E6%A0%8B+" in links["gaode"]
    assert "tocoord=31.175304,121.531542" in links["tencent"]
    assert re.search(r"destination=latlng:31\.181\d+,121\.538\d+%7Cname:3", links["baidu"])
    assert "coord_type=bd09ll" in links["baidu"]
    outside = dict(route_links(103.8198, 1.3521, ""))
    assert "to=103.819800,1.352100,gridwatch" in outside["gaode"]


def test_the_page_says_everything_in_both_languages() -> None:
    chinese, english = WORKER_TEXTS["zh-CN"], WORKER_TEXTS["en"]
    assert chinese.keys() == english.keys()
    assert {f"act.{action}" for action in RULES} <= chinese.keys()
    for key, text in chinese.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english[key])), key
    used = {
        key
        for path in FOLDER.glob("*.js")
        for key in re.findall(r'say\("([\w.]+)"', path.read_text(encoding="utf-8"))
    }
    assert used <= chinese.keys() | TEXTS["zh-CN"].keys()


def test_all_that_the_page_loads_is_small(api: Api) -> None:
    loaded = sum(min(len(one.small), len(one.content)) for one in assets().values())
    assert loaded < MOST_BYTES
    for name, asset in assets().items():
        if name != "index.html":
            answer = httpx.get(f"{api.url}/worker/{name}", headers={"Accept-Encoding": "gzip"})
            assert answer.content == asset.content
            assert int(answer.headers["content-length"]) <= len(asset.content)
            known = {"If-None-Match": answer.headers["etag"]}
            assert httpx.get(f"{api.url}/worker/{name}", headers=known).status_code == 304


def test_every_module_that_is_imported_is_preloaded() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    modules = {path.name for path in FOLDER.glob("*.js")} - {"sw.js"}
    assert set(re.findall(r'modulepreload" href="/worker/(\w+\.js)"', page)) == modules


def test_the_icon_is_drawn_as_large_as_the_manifest_says() -> None:
    manifest = assets()["manifest.webmanifest"].content.decode()
    for side in re.findall(r"icon-(\d+)\.png", manifest):
        content = np.frombuffer(assets()[f"icon-{side}.png"].content, np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (int(side), int(side), 3)


@pytest.mark.parametrize("name", ["index.html", "sign-in.html", "..%2Fpage.py", "nothing.js"])
def test_nothing_else_is_served(api: Api, name: str) -> None:
    assert httpx.get(f"{api.url}/worker/{name}").status_code == 404


def test_who_is_not_signed_in_gets_a_light_form_that_leads_back(api: Api) -> None:
    api.stored(settle)
    with httpx.Client(base_url=api.url, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        asked = browser.get("/worker?alert=7")
        assert (asked.status_code, asked.headers["location"]) == (303, "/worker/sign-in?alert=7")
        form = browser.get("/worker/sign-in?alert=7&failed=wrong")
        assert "script" not in form.text
        assert 'name="alert" value="7"' in form.text
        assert "用户名或密码不正确" in form.text
        browser.cookies.set("gridwatch_language", "en")
        assert "User name or password is wrong" in browser.get("/worker/sign-in?failed=wrong").text
        given = {"username": "zhang", "password": "wrong", "page": "worker", "alert": "7"}
        failed = browser.post("/login", data=given)
        assert failed.headers["location"] == "/worker/sign-in?failed=wrong&alert=7"
        entered = browser.post("/login", data={**given, "password": PASSWORD})
        assert entered.headers["location"] == "/worker?alert=7"
        page = browser.get("/worker?alert=7", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip"
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_list_is_compressed_for_who_takes_that(api: Api) -> None:
    answer = api.client.get("/api/v1/me/duty")
    assert "content-encoding" not in answer.headers
    with httpx.stream("GET", f"{api.url}/worker/app.js", headers={"Accept-Encoding": "gzip"}) as small:
        raw = b"".join(small.iter_raw())
    assert gzip.decompress(raw) == assets()["app.js"].content


def test_wecom_is_offered_where_it_is_set_up(api: Api) -> None:
    assert "/login/wecom/" not in httpx.get(f"{api.url}/worker/sign-in").text
    with cloud_running() as cloud:

        async def keep(store: Store) -> None:
            await put_service(store, Strongbox(api.settings.data_dir), "work", cloud.wecom, by="a test")

        api.stored(keep)
    assert 'href="/login/wecom/work"' in httpx.get(f"{api.url}/worker/sign-in").text
