"""What may be written about the door of the web server, and what it means."""

import pytest

from mirage_hole.config.settled import PRIVATE_NETWORKS, Endpoint, WebDoor
from tests.config.test_networks import problems, settled


def test_by_default_it_is_http_for_private_networks_without_proxies_or_other_origins(tmp_path):
    assert settled(tmp_path, {}).door == WebDoor(allow_from=PRIVATE_NETWORKS)


def test_everything_is_settled_to_its_canonical_form(tmp_path):
    door = settled(
        tmp_path,
        {
            "web.certificate": "/etc/web.pem",
            "web.key": "/etc/web.key",
            "web.redirect": "127.0.0.1:8081",
            "web.trusted_proxies": ("192.168.1.5", "172.16.0.0/12"),
            "web.allow_from": ("192.168.0.0/16",),
            "web.host_names": ("DNS.Example.ORG.",),
            "web.cors_origins": ("https://Panel.example.org/", "http://[::1]:3000"),
        },
    ).door
    assert door == WebDoor(
        certificate="/etc/web.pem",
        key="/etc/web.key",
        redirect=Endpoint("127.0.0.1", 8081),
        trusted_proxies=("192.168.1.5/32", "172.16.0.0/12"),
        allow_from=("192.168.0.0/16",),
        host_names=("dns.example.org",),
        cors_origins=("https://panel.example.org", "http://[::1]:3000"),
    )


def test_one_file_may_hold_certificate_and_key(tmp_path):
    assert settled(tmp_path, {"web.certificate": "/etc/web.pem"}).door.key == "/etc/web.pem"


def test_a_certificate_of_ones_own_has_no_file(tmp_path):
    door = settled(tmp_path, {"web.certificate": "Self-Signed"}).door
    assert (door.certificate, door.key) == ("self-signed", "")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"web.certificate": "web.pem"}, "web.certificate = 'web.pem' (--web-certificate): not an absolute path"),
        ({"web.key": "/etc/web.key"}, "there is a key without a certificate"),
        ({"web.certificate": "self-signed", "web.key": "/k"}, "has a key of its own"),
        ({"web.redirect": "127.0.0.1:8081"}, "there is no HTTPS to lead to"),
        ({"web.certificate": "/c", "web.redirect": "127.0.0.1:8080"}, "HTTPS is answered on 127.0.0.1:8080 already"),
        ({"web.certificate": "/c", "web.redirect": "127.0.0.1:53"}, "DNS is answered on 0.0.0.0:53 already"),
        ({"web.trusted_proxies": ("nginx",)}, "web.trusted_proxies"),
        ({"web.allow_from": ()}, "nobody would be let in"),
        ({"web.host_names": ("http://dns.lan",)}, "not a host name"),
        ({"web.host_names": ("192.168.1.2",)}, "not a host name"),
        ({"web.cors_origins": ("*",)}, "every page could read this server"),
        ({"web.cors_origins": ("null",)}, "every page could read this server"),
        ({"web.cors_origins": ("https://panel.example.org/app",)}, "not the origin of a page"),
        ({"web.cors_origins": ("https://me@panel.example.org",)}, "not the origin of a page"),
        ({"web.cors_origins": ("https://*.example.org",)}, "not the origin of a page"),
        ({"web.host_names": tuple(f"n{number}.lan" for number in range(65))}, "65 are too many"),
    ],
)
def test_what_means_nothing_is_told_with_what_to_write(tmp_path, written, said):
    (found,) = problems(tmp_path, written)
    assert said in found
    assert "write" in found
