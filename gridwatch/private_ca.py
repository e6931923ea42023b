"""A small private certificate authority: one for the broker's own certificate and those of devices.

Keys are on the curve P-256, which small devices compute with. The list of revoked certificates is written
anew whenever one is added; the broker reads it again on SIGHUP.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gridwatch.errors import SettingsError

CERTIFICATE, KEY, REVOKED = "ca.pem", "ca.key", "crl.pem"

CA_DAYS = 7300
LIST_DAYS = 3650
"""OpenSSL refuses everybody once a list is out of date: far longer than nobody would write a new one."""
CERTIFICATE_DAYS = 825
SKEW = timedelta(hours=1)
"""A certificate is good from so much before: clocks of devices are behind."""

LONGEST_NAME = 64
"""Characters of a common name (RFC 5280)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A certificate and, where it was made here, its key; both as PEM."""

    certificate: bytes
    key: bytes | None
    serial: str
    ends_at: datetime


class PrivateCa:
    """The authority whose key lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Say whether it was made."""
        return (self.folder / KEY).is_file()

    @property
    def certificate(self) -> Path:
        """Return what devices trust the broker by."""
        return self.folder / CERTIFICATE

    @property
    def revoked_list(self) -> Path:
        """Return the list of revoked certificates."""
        return self.folder / REVOKED

    def make(self, name: str) -> None:
        """Make the authority; raise SettingsError where there is one: what it signed would be worthless."""
        if self.exists:
            raise SettingsError(f"there is a certificate authority in {self.folder} already: keep it")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        identity = _name(name)
        signed = (
            _builder(identity, identity, key.public_key(), CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(self.certificate, signed.public_bytes(serialization.Encoding.PEM))
        self._write_list(key, signed, ())
        # Last: with it the authority counts as made.
        write_private(self.folder / KEY, _pem(key))

    def issue_server(self, names: Sequence[str], *, days: int = CERTIFICATE_DAYS) -> Issued:
        """Sign a certificate for the broker under host names and IP addresses."""
        alternative = x509.SubjectAlternativeName([_general(name) for name in names])
        key = ec.generate_private_key(ec.SECP256R1())
        return self._sign(names[0], key.public_key(), _pem(key), days, alternative)

    def issue_client(
        self, username: str, *, csr: bytes | None = None, days: int = CERTIFICATE_DAYS
    ) -> Issued:
        """Sign a certificate by which the broker knows its bearer as `username`.

        With a request (PEM) the key stays where the request was made; the name in it is not used.
        """
        if csr is None:
            key = ec.generate_private_key(ec.SECP256R1())
            return self._sign(username, key.public_key(), _pem(key), days)
        try:
            request = x509.load_pem_x509_csr(csr)
        except ValueError as error:
            raise SettingsError("the request is no certificate request in PEM") from error
        if not request.is_signature_valid:
            raise SettingsError("the request is not signed with its own key")
        public = request.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise SettingsError("the request has a key of another kind than EC and RSA")
        return self._sign(username, public, None, days)

    def revoke(self, serials: Sequence[str]) -> bool:
        """Let the list hold these certificates beside those it has; tell whether any is new."""
        key, own = self._load()
        known = x509.load_pem_x509_crl(self.revoked_list.read_bytes())
        dates = {f"{one.serial_number:x}": one.revocation_date_utc for one in known}
        now = datetime.now(UTC)
        all_ = dates | {serial: now for serial in serials if serial not in dates}
        if len(all_) == len(dates):
            return False
        self._write_list(key, own, tuple(all_.items()))
        return True

    def _sign(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        key: bytes | None,
        days: int,
        alternative: x509.SubjectAlternativeName | None = None,
    ) -> Issued:
        ca_key, own = self._load()
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if alternative else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(_name(name), own.subject, public, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        signed = builder.sign(ca_key, hashes.SHA256())
        return Issued(
            certificate=signed.public_bytes(serialization.Encoding.PEM),
            key=key,
            serial=f"{signed.serial_number:x}",
            ends_at=signed.not_valid_after_utc,
        )

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        try:
            key = serialization.load_pem_private_key((self.folder / KEY).read_bytes(), None)
            own = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except FileNotFoundError as error:
            raise SettingsError(f"no certificate authority in {self.folder}: gridwatch ca init") from error
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"the certificate authority in {self.folder} can't be read: {error}"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SettingsError(f"the key in {self.folder} is not one that gridwatch ca init made")
        return key, own

    def _write_list(
        self,
        key: ec.EllipticCurvePrivateKey,
        own: x509.Certificate,
        revoked: Sequence[tuple[str, datetime]],
    ) -> None:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(own.subject)
            .last_update(now - SKEW)
            .next_update(now + timedelta(days=LIST_DAYS))
        )
        for serial, at in revoked:
            entry = (
                x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at).build()
            )
            builder = builder.add_revoked_certificate(entry)
        written = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        write_private(self.revoked_list, written)


def server_names(certificate: Path) -> frozenset[str]:
    """Return the host names and IP addresses that a certificate in a file is for. Raises SettingsError."""
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise SettingsError(f"{certificate} can't be read as a server's certificate: {error}") from error
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return frozenset((*names.get_values_for_type(x509.DNSName), *addresses))


def ends_at(certificate: Path) -> datetime:
    """Return until when a certificate in a file is good. Raises SettingsError."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise SettingsError(f"{certificate} can't be read as a certificate: {error}") from error


def write_private(path: Path, content: bytes) -> None:
    """Put a file in the place of what is there, whole or not at all.

    Only its owner may read it, who as root is the owner of its folder: the broker's own account, maybe.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.Name:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise SettingsError(f"{name[:80]!r}: a certificate's name has 1 to {LONGEST_NAME} characters")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
