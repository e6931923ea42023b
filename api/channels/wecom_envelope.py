"""How WeCom seals its callbacks: a signature over sorted parts, AES around the text.

After https://developer.work.weixin.qq.com/document/path/90968 (read 2026-11), never tried against WeCom
itself. The signature is SHA-1 over token, timestamp, nonce and ciphertext, sorted and joined. The
ciphertext is AES-256-CBC in Base64: the key is `EncodingAESKey` + "=" decoded, the vector its first 16 bytes,
the padding PKCS#7 to a multiple of 32; inside are 16 random bytes, the length of the text (4 bytes,
big-endian), the text and the id of the receiver (CorpID).
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gridwatch.errors import GridwatchError

BLOCK = 32
HEAD = 16
LENGTH = 4
KEY_BYTES = 32


class BrokenSeal(GridwatchError):
    """What came is not sealed with the keys of this application."""


class Envelope:
    """Opens and seals with the keys of one application. Raises ValueError for a key that can't be one."""

    def __init__(self, *, token: str, aes_key: str, receiver: str) -> None:
        self._token = token
        self._receiver = receiver.encode()
        try:
            self._key = base64.b64decode(aes_key + "=", validate=True)
        except binascii.Error as error:
            raise ValueError("EncodingAESKey has 43 letters and digits") from error
        if len(self._key) != KEY_BYTES:
            raise ValueError("EncodingAESKey has 43 letters and digits")

    def signature(self, *, timestamp: str, nonce: str, sealed: str) -> str:
        """Return the signature over what is sealed."""
        parts = sorted([self._token, timestamp, nonce, sealed])
        return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()

    def open(self, *, signature: str, timestamp: str, nonce: str, sealed: str) -> str:
        """Return the text inside; raise BrokenSeal where signature, padding or receiver are not right."""
        expected = self.signature(timestamp=timestamp, nonce=nonce, sealed=sealed)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise BrokenSeal("the signature is wrong")
        try:
            plain = self._decrypt(base64.b64decode(sealed, validate=True))
            (length,) = struct.unpack(">I", plain[HEAD : HEAD + LENGTH])
            start = HEAD + LENGTH
            text, receiver = plain[start : start + length], plain[start + length :]
            if receiver != self._receiver:
                raise BrokenSeal("it is meant for another receiver")
            return text.decode()
        except (ValueError, struct.error) as error:
            raise BrokenSeal("it can't be decrypted") from error

    def seal(self, text: str) -> str:
        """Return a text encrypted as WeCom expects an answer."""
        content = text.encode()
        plain = os.urandom(HEAD) + struct.pack(">I", len(content)) + content + self._receiver
        missing = BLOCK - len(plain) % BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def _decrypt(self, sealed: bytes) -> bytes:
        decryptor = self._cipher().decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        if not padded or not 1 <= padded[-1] <= BLOCK:
            raise BrokenSeal("the padding is wrong")
        return padded[: -padded[-1]]

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES256(self._key), modes.CBC(self._key[:HEAD]))
