"""Callbacks of WeCom are opened only where the seal is right."""

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from api.channels.wecom_envelope import BrokenSeal, Envelope
from tests.channels.services import AES_KEY

ENVELOPE = Envelope(token="callback-token", aes_key=AES_KEY, receiver="corp-1")


def sealed_by_wecom(text: str, *, receiver: str = "corp-1", word: str = "callback-token") -> tuple[str, str]:
    """Return what WeCom would post, and its signature; done here step by step as its page describes."""
    key = base64.b64decode(AES_KEY + "=")
    plain = b"0123456789abcdef" + struct.pack(">I", len(text.encode())) + text.encode() + receiver.encode()
    missing = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(
        encryptor.update(plain + bytes([missing] * missing)) + encryptor.finalize()
    ).decode()
    signature = hashlib.sha1("".join(sorted([word, "1700000000", "n", sealed])).encode()).hexdigest()  # noqa: S324
    return sealed, signature


def opened(sealed: str, signature: str) -> str:
    """Open what came."""
    return ENVELOPE.open(signature=signature, timestamp="1700000000", nonce="n", sealed=sealed)


@pytest.mark.parametrize("text", ["", "<xml>确认</xml>", "x" * 27, "x" * 28, "x" * 4000])
def test_what_wecom_seals_is_opened(text: str) -> None:
    assert opened(*sealed_by_wecom(text)) == text


def test_what_is_sealed_here_is_opened_with_the_same_keys() -> None:
    sealed = ENVELOPE.seal("<xml>已确认</xml>")
    signature = ENVELOPE.signature(timestamp="1700000000", nonce="n", sealed=sealed)
    assert opened(sealed, signature) == "<xml>已确认</xml>"


def test_another_token_another_receiver_and_changed_bytes_are_refused() -> None:
    sealed, signature = sealed_by_wecom("<xml/>")
    with pytest.raises(BrokenSeal, match="signature"):
        opened(sealed, "0" * 40)
    with pytest.raises(BrokenSeal, match="signature"):
        opened(sealed[:-4] + "AAA=", signature)
    with pytest.raises(BrokenSeal, match="signature"):
        opened(*sealed_by_wecom("<xml/>", word="another"))
    with pytest.raises(BrokenSeal, match="receiver"):
        opened(*sealed_by_wecom("<xml/>", receiver="corp-2"))


@pytest.mark.parametrize("sealed", ["", "???", "AAAA", base64.b64encode(bytes(32)).decode()])
def test_what_is_signed_but_no_ciphertext_is_refused(sealed: str) -> None:
    signature = ENVELOPE.signature(timestamp="1700000000", nonce="n", sealed=sealed)
    with pytest.raises(BrokenSeal):
        opened(sealed, signature)


def test_a_key_that_can_be_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="43"):
        Envelope(token="t", aes_key="short", receiver="corp-1")
