"""What an installation may choose about being reached from outside."""

import pytest

from gridwatch.errors import SettingsError
from gridwatch.settings import check_plain_http, read_settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "watch.example"])  # noqa: S104
def test_plain_http_that_others_reach_is_refused_with_the_ways_out(host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_plain_http(read_settings(http_host=host))
    text = str(refused.value)
    assert f"GRIDWATCH_HTTP_HOST={host}" in text
    assert "deploy/nginx/gridwatch.conf" in text
    assert "GRIDWATCH_PLAIN_HTTP=1" in text
    check_plain_http(read_settings(http_host=host, plain_http=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.7", "::1", "localhost"])
def test_on_this_machine_alone_plain_http_is_fine(host: str) -> None:
    check_plain_http(read_settings(http_host=host, public_url="https://watch.example.org"))


def test_links_without_tls_are_refused_too() -> None:
    with pytest.raises(SettingsError, match=r"GRIDWATCH_PUBLIC_URL=http://watch\.example "):
        check_plain_http(read_settings(public_url="http://watch.example"))
    check_plain_http(read_settings(public_url="http://watch.example", plain_http=True))
    check_plain_http(read_settings(public_url="http://localhost:8080"))


@pytest.mark.parametrize("address", ["watch.example.org", "https://", "ftp://watch.example.org"])
def test_a_public_address_that_no_link_can_begin_with_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"GRIDWATCH_PUBLIC_URL: .*write https://"):
        read_settings(public_url=address)


def test_trusted_proxies_are_addresses_and_networks() -> None:
    assert read_settings(trusted_proxies="127.0.0.1 10.0.0.0/24").trusted_proxies == (
        "127.0.0.1",
        "10.0.0.0/24",
    )
    for wrong in ("*", "proxy", "10.0.0.1/24"):
        with pytest.raises(SettingsError, match=r"GRIDWATCH_TRUSTED_PROXIES: .*no address or network"):
            read_settings(trusted_proxies=wrong)
