"""The private certificate authority: what it signs, and what it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from gridwatch.errors import SettingsError
from gridwatch.private_ca import PrivateCa, server_names, write_private


@pytest.fixture
def ca(tmp_path: Path) -> PrivateCa:
    """Return an authority."""
    made = PrivateCa(tmp_path / "ca")
    made.make("Gridwatch")
    return made


def request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, name: str) -> bytes:
    """Return a certificate request."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def test_its_files_are_its_owners_alone_and_it_is_made_once(ca: PrivateCa) -> None:
    assert ca.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in ca.folder.iterdir()} == {0o600}
    with pytest.raises(SettingsError, match="already"):
        ca.make("another")


def test_a_request_gets_the_name_of_the_device_and_keeps_its_key(ca: PrivateCa) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = ca.issue_client("smoke-1", csr=request(key, "~collector"), days=10)
    signed = x509.load_pem_x509_certificate(issued.certificate)
    assert signed.subject.rfc4514_string() == "CN=smoke-1"
    assert signed.public_key() == key.public_key()
    assert issued.key is None
    signed.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.certificate.read_bytes()))
    assert timedelta(days=9) < issued.ends_at - datetime.now(UTC) < timedelta(days=11)


@pytest.mark.parametrize(
    ("csr", "why"),
    [(b"nonsense", "PEM"), (request(ed25519.Ed25519PrivateKey.generate(), "a"), "another kind")],
)
def test_what_is_no_request_is_refused_with_a_reason(ca: PrivateCa, csr: bytes, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        ca.issue_client("smoke-1", csr=csr)


def test_a_name_that_no_certificate_holds_is_refused(ca: PrivateCa) -> None:
    with pytest.raises(SettingsError, match="64 characters"):
        ca.issue_client("x" * 65)


def test_a_server_is_certified_for_names_and_addresses(ca: PrivateCa, tmp_path: Path) -> None:
    names = ["mqtt.example.org", "192.0.2.7", "2001:db8::7"]
    write_private(tmp_path / "server.pem", ca.issue_server(names).certificate)
    assert server_names(tmp_path / "server.pem") == set(names)


def test_what_was_revoked_stays_on_the_list(ca: PrivateCa) -> None:
    first, second = ca.issue_client("a").serial, ca.issue_client("b").serial
    assert ca.revoke([first])
    assert ca.revoke([second])
    assert not ca.revoke([first, second])
    listed = x509.load_pem_x509_crl(ca.revoked_list.read_bytes())
    assert {f"{one.serial_number:x}" for one in listed} == {first, second}


def test_without_an_authority_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="gridwatch ca init"):
        PrivateCa(tmp_path).issue_client("a")
