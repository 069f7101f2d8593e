"""Signing a paper so that a buyer can check it with the public program minisign, and keeping the station's key.

Formats: https://jedisct1.github.io/minisign/ (Ed25519, prehashed with BLAKE2b-512). The key is kept in minisign's own
form without a password, readable by the station's user alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from station.marked import marked

KEY_FILE = "report-signing.key"
PUBLIC_FILE = "report-signing.pub"
SUFFIX = ".minisig"
_ALGORITHM, _PREHASHED, _NO_KDF, _CHECKSUM = b"Ed", b"ED", b"\0\0", b"B2"
_HEAD, _KDF_BYTES = 6, 48
_SECRET_BYTES = _HEAD + _KDF_BYTES + 8 + 64 + 32


class SignatureRefused(Exception):  # noqa: N818 - refused things are named as facts
    """A key cannot be used, or a signature does not fit; the text says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``id``: 8 bytes that name the key."""

    id: bytes
    key: Ed25519PrivateKey

    @property
    def public_line(self) -> str:
        """The public key as one line for ``minisign -P``."""
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _base64(_ALGORITHM + self.id + public)

    @property
    def name(self) -> str:
        """The key's number as minisign shows it."""
        return self.id[::-1].hex().upper()


def station_key(data_folder: Path) -> SigningKey:
    """The station's key, made at the first use; raises SignatureRefused when it cannot be made or is damaged."""
    path = data_folder / KEY_FILE
    try:
        if not path.exists():
            data_folder.mkdir(parents=True, exist_ok=True)
            _keep(path, SigningKey(secrets.token_bytes(8), Ed25519PrivateKey.generate()))
        key = _read(path)
        public = data_folder / PUBLIC_FILE
        if not public.exists():
            public.write_text(public_file(key), encoding="ascii")
    except OSError as error:
        raise SignatureRefused(
            marked("The signing key {path} cannot be read or made ({strerror}).").format(
                path=path, strerror=error.strerror
            )
        ) from error
    return key


def public_file(key: SigningKey) -> str:
    """What a buyer needs to check papers of this station."""
    return f"untrusted comment: minisign public key {key.name}\n{key.public_line}\n"


def sign(key: SigningKey, content: bytes, comment: str) -> str:
    """The text of a ``.minisig`` file; ``comment`` is one line that the signature covers too."""
    if "\n" in comment or "\r" in comment:
        raise ValueError("a trusted comment is one line")
    signature = key.key.sign(hashlib.blake2b(content).digest())
    whole = key.key.sign(signature + comment.encode())
    head = f"untrusted comment: signature of sorting station, key {key.name}"
    return f"{head}\n{_base64(_PREHASHED + key.id + signature)}\ntrusted comment: {comment}\n{_base64(whole)}\n"


def sign_file(key: SigningKey, path: Path, comment: str) -> Path:
    """Writes the signature beside the file and returns where."""
    beside = path.with_name(path.name + SUFFIX)
    beside.write_text(sign(key, path.read_bytes(), comment), encoding="utf-8")
    return beside


def verify(public_line: str, content: bytes, signature: str) -> str:
    """The trusted comment of a signature that fits; raises SignatureRefused."""
    try:
        _, first, comment, second = signature.splitlines()[:4]
        told, public = base64.b64decode(first, validate=True), base64.b64decode(public_line, validate=True)
        comment = comment.removeprefix("trusted comment: ")
        if told[:2] != _PREHASHED or told[2:10] != public[2:10]:
            raise SignatureRefused(marked("The signature was made with another key."))
        key = Ed25519PublicKey.from_public_bytes(public[10:])
        key.verify(told[10:], hashlib.blake2b(content).digest())
        key.verify(base64.b64decode(second, validate=True), told[10:] + comment.encode())
    except (ValueError, binascii.Error) as error:
        raise SignatureRefused(marked("This is no signature of minisign.")) from error
    except InvalidSignature as error:
        raise SignatureRefused(marked("The file or its signature was changed.")) from error
    return comment


def _keep(path: Path, key: SigningKey) -> None:
    """In minisign's form, on the disk before it is used; a key that is there already is never replaced."""
    private = key.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    checksum = hashlib.blake2b(_ALGORITHM + key.id + private + public, digest_size=32).digest()
    content = _ALGORITHM + _NO_KDF + _CHECKSUM + bytes(_KDF_BYTES) + key.id + private + public + checksum
    text = f"untrusted comment: signing key of a sorting station, keep it secret\n{_base64(content)}\n"
    draft = path.with_name(f"{path.name}.{key.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _read(path: Path) -> SigningKey:
    damaged = SignatureRefused(
        marked("The signing key {path} is damaged; restore it from a copy, or move it away.").format(path=path)
    )
    try:
        content = base64.b64decode(path.read_text(encoding="ascii").splitlines()[1], validate=True)
    except (ValueError, IndexError) as error:
        raise damaged from error
    if len(content) != _SECRET_BYTES or content[:_HEAD] != _ALGORITHM + _NO_KDF + _CHECKSUM:
        raise damaged
    body = content[_HEAD + _KDF_BYTES :]
    key_id, private, public, checksum = body[:8], body[8:40], body[40:72], body[72:]
    if hashlib.blake2b(_ALGORITHM + key_id + private + public, digest_size=32).digest() != checksum:
        raise damaged
    return SigningKey(key_id, Ed25519PrivateKey.from_private_bytes(private))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
