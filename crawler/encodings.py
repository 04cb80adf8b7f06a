"""Undoing `Content-Encoding` within a memory limit, so that a small body cannot unfold into a huge one."""

import zlib
from collections.abc import Callable

import brotli

from crawler.errors import UndecodableBody

GZIP_MAGIC = b"\x1f\x8b"

ACCEPTED = "gzip, deflate, br"


def decoded(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """`body` with the codings of a `Content-Encoding` header undone, the last named first.

    Names that are no coding ("utf-8", "none") are seen in the wild and ignored. A stream that was cut off
    gives what it holds. Raises UndecodableBody where it is damaged or would be longer than `max_bytes`.
    """
    if len(body) > max_bytes:
        raise UndecodableBody(f"the body is longer than {max_bytes} bytes")
    for name in reversed([part.strip().lower() for part in content_encoding.split(",")]):
        if decoder := _DECODERS.get(name):
            body = decoder(body, max_bytes)
            if len(body) > max_bytes:
                raise UndecodableBody(f"the {name} body unfolds to more than {max_bytes} bytes")
    return body


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    # Some archives keep the header though they hold the body decoded.
    if not body.startswith(GZIP_MAGIC):
        return body
    out = b""
    while body.startswith(GZIP_MAGIC) and len(out) <= max_bytes:
        decoder = zlib.decompressobj(wbits=31)
        out += _inflated(decoder, body, max_bytes + 1 - len(out))
        body = decoder.unused_data
    return out


def _inflate(body: bytes, max_bytes: int) -> bytes:
    # "deflate" means a zlib stream (RFC 9110, 8.4.1.2), but some servers send it bare.
    zlib_wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflated(zlib.decompressobj(wbits=15 if zlib_wrapped else -15), body, max_bytes + 1)


def _inflated(decoder: "zlib._Decompress", body: bytes, most: int) -> bytes:
    try:
        return decoder.decompress(body, most)
    except zlib.error as error:
        raise UndecodableBody(f"the compressed body is damaged: {error}") from error


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    decoder, out = brotli.Decompressor(), b""
    try:
        while len(out) <= max_bytes and not decoder.is_finished():
            # The limit is where the decoder pauses, not the most it gives: it may pass it by one block.
            part = decoder.process(b"" if out else body, output_buffer_limit=max_bytes + 1 - len(out))
            if not part:
                break
            out += part
    except brotli.error as error:
        raise UndecodableBody(f"the brotli body is damaged: {error}") from error
    return out


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
}
