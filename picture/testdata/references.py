#!/usr/bin/python3
"""Makes testdata/formats: small pictures by formula in many formats, and sums.txt, the SHA-256 of their pixels as OpenCV reads them.

Run it in this folder; it wants OpenCV, Pillow and NumPy for Python, and cjpeg of libjpeg-turbo. The files there were made with
OpenCV 4.6.0, Pillow 9.4.0 and libjpeg-turbo 2.1.5 (Debian 12).
"""
import hashlib, io, os, struct, subprocess, zlib
import cv2, numpy as np
from PIL import Image

OUT = "formats"


def formula(width, height):
    y, x = np.mgrid[:height, :width]
    return np.clip(np.stack([
        128 + 110 * np.sin(x / 5 + y / 9), 255 * x / max(width - 1, 1) * (1 + (y // 8) % 2) / 2, 128 + 90 * np.cos(x / 3 - y / 4),
    ], -1), 0, 255).astype(np.uint8)


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def cjpeg(picture, *options):
    grey = picture.ndim == 2
    head = b"P%d %d %d 255\n" % (5 if grey else 6, picture.shape[1], picture.shape[0])
    return subprocess.run(["cjpeg", "-quality", "60", *options], input=head + picture.tobytes(), stdout=subprocess.PIPE, check=True).stdout


def pillow(picture, kind, **options):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, **options)
    return out.getvalue()


def markers(data):
    return [i for i in range(data.index(b"\xff\xda"), len(data) - 1) if data[i] == 0xff and 0xd0 <= data[i + 1] <= 0xd7]


def jpegs():
    p = formula(37, 29)
    for i, sampling in enumerate([
        "1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "3x2", "2x3",
        "1x1,2x2,2x2", "2x1,1x1,2x1", "2x1,1x2,1x1", "2x2,1x1,1x2", "2x2,2x1,1x2", "4x1,2x1,1x1", "1x2,1x1,1x2",
    ]):
        write("s%s.jpg" % sampling.replace(",", "-"), cjpeg(p, "-sample", sampling, *(["-progressive"] if i % 3 == 1 else [])))
    for width, height in ((1, 1), (3, 5), (5, 3), (16, 16), (17, 33)):
        write("size%dx%d.jpg" % (width, height), cjpeg(formula(width, height), "-sample", "2x2"))
    write("rgb.jpg", cjpeg(p, "-rgb"))
    write("grey-2x2.jpg", cjpeg(p[:, :, 0].copy(), "-sample", "2x2"))
    write("grey-progressive.jpg", cjpeg(p[:, :, 0].copy(), "-sample", "2x2", "-progressive"))
    write("coarse-16-bit-tables.jpg", cjpeg(p, "-quality", "2"))
    with open("/tmp/scans.txt", "w") as f:
        f.write("0 2;1;")
    write("separate-scans.jpg", cjpeg(p, "-scans", "/tmp/scans.txt", "-sample", "2x1"))
    for progressive in (False, True):
        inks = np.asarray(Image.fromarray(p).convert("CMYK"))
        out = io.BytesIO()
        Image.fromarray(inks, "CMYK").save(out, "JPEG", quality=60, progressive=progressive)
        write("cmyk%s.jpg" % ("-progressive" if progressive else ""), out.getvalue())
        if not progressive:  # the same samples read as luma, chroma, ink, and with other factors
            data = bytearray(out.getvalue())
            data[data.index(b"Adobe") + 11] = 2
            write("ycck.jpg", data)
            frame = data.index(b"\xff\xc0")
            for name, factors in (("2x1", (0x21, 0x11, 0x11, 0x21)), ("1x2", (0x12, 0x12, 0x11, 0x12)), ("2x2", (0x22, 0x11, 0x11, 0x22))):
                other = bytearray(data)
                other[frame + 11:frame + 23:3] = bytes(factors)  # which leaves too few blocks, or too many
                write("ycck-%s.jpg" % name, other)
    plain = cjpeg(p, "-sample", "2x2")
    jfif, rest = plain[:20], plain[20:]
    write("adobe-0.jpg", jfif[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" + rest)
    write("adobe-0-and-jfif.jpg", jfif + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" + rest)
    write("no-jfif.jpg", jfif[:2] + rest)
    write("no-codes.jpg", without(plain, 0xc4))
    write("no-end.jpg", plain[:-2])
    write("no-end-progressive.jpg", cjpeg(p, "-progressive")[:-2])
    write("junk-before-end.jpg", plain[:-2] + b"\x12\x34\xff\x00\x56" + plain[-2:])
    write("junk-before-segment.jpg", plain[:20] + b"\x00\x01\x02" + plain[20:])
    write("fill-bytes.jpg", plain[:20] + b"\xff\xff\xff" + plain[20:-2] + b"\xff\xff" + plain[-2:])
    write("trailing.jpg", plain + plain)
    write("early-end.jpg", plain[:-60] + plain[-2:])
    write("flipped-bit.jpg", plain[:-50] + bytes([plain[-50] ^ 4]) + plain[-49:])
    restarts = bytearray(cjpeg(p, "-restart", "2B", "-sample", "2x1"))
    write("restarts.jpg", restarts)
    m = markers(restarts)
    for name, change in (("wrong", 4), ("next", 1), ("before", 7)):
        changed = bytearray(restarts)
        changed[m[2] + 1] = 0xd0 + (changed[m[2] + 1] - 0xd0 + change) % 8
        write("restart-%s.jpg" % name, changed)
    write("restart-lost.jpg", restarts[:m[2]] + restarts[m[2] + 2:])
    write("restart-interval-lost.jpg", restarts[:m[2]] + restarts[m[3]:])


def without(data, kind):
    """Leaves segments of a kind out."""
    out, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xda:
        size = 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[at + 1] != kind:
            out += data[at:at + size]
        at += size
    return bytes(out) + data[at:]


def chunk(name, content=b"", sum=None):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content) if sum is None else sum)


def png_rows(samples, depth, filters):
    """Packs samples [height, width, channels] into filtered rows."""
    height, width, channels = samples.shape
    size = max(depth * channels // 8, 1)
    above, out = None, bytearray()
    for y in range(height):
        if depth == 16:
            row = samples[y].astype(">u2").tobytes()
        elif depth == 8:
            row = samples[y].astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), "0%db" % depth) for v in samples[y].ravel())
            bits += "0" * (-len(bits) % 8)
            row = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        above = above or bytes(len(row))
        f = filters[y % len(filters)]
        out.append(f)
        for i, v in enumerate(row):
            a, b = (row[i - size] if i >= size else 0), above[i]
            c = above[i - size] if i >= size else 0
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            nearest = a if pa <= pb and pa <= pc else b if pb <= pc else c
            out.append((v - (0, a, b, (a + b) // 2, nearest)[f]) % 256)
        above = row
    return bytes(out)


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png(samples, depth, kind, interlaced=False, before=b"", between=b"", after=None, pixels=None, pieces=1, filters=(0, 1, 2, 3, 4)):
    height, width, _ = samples.shape
    raw = b"".join(png_rows(samples[y::sy, x::sx], depth, filters) for y, x, sy, sx in (ADAM7 if interlaced else ((0, 0, 1, 1),))
                   if x < width and y < height)
    data = (pixels or zlib.compress)(raw)
    if kind == 3:
        before += chunk(b"PLTE", bytes((i * 37 + c * 91) % 256 for i in range(2 ** depth - (depth == 8) * 20) for c in range(3)))
    step = -(-len(data) // pieces)
    body = between.join(chunk(b"IDAT", data[i:i + step]) for i in range(0, len(data), step))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + head + before + body + (chunk(b"IEND") if after is None else after)


def exif(orientation, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def pngs():
    rng = np.random.default_rng(3)
    for kind, channels, depths in ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))):
        for depth in depths:
            top = 2 ** depth - (20 if kind == 3 and depth == 8 else 0)
            samples = rng.integers(0, top, (11, 13, channels))
            write("kind%d-%d.png" % (kind, depth), png(samples, depth, kind))
            write("kind%d-%d-interlaced.png" % (kind, depth), png(samples, depth, kind, True))
    for width, height in ((1, 1), (2, 3), (5, 1), (3, 9)):
        write("interlaced%dx%d.png" % (width, height), png(rng.integers(0, 256, (height, width, 3)), 8, 2, True))
    p = formula(17, 11)
    write("sum-of-text.png", png(p, 8, 2, before=chunk(b"tEXt", b"Comment\0words", 1)))
    write("sum-of-profile.png", png(p, 8, 2, before=chunk(b"iCCP", b"name\0\0junk", 1)))
    write("broken-profile.png", png(p, 8, 2, before=chunk(b"iCCP", b"name\0\0junk") + chunk(b"sRGB", b"\x09") + chunk(b"gAMA", b"\0")))
    write("transparent.png", png(p, 8, 2, before=chunk(b"tRNS", b"\0\1\0\2\0\3")))
    write("transparent-grey.png", png(p[:, :, :1], 8, 0, before=chunk(b"tRNS", b"\0\1")))
    write("suggested-palette.png", png(p, 8, 2, before=chunk(b"PLTE", b"\1\2\3")))
    write("more-pixels.png", png(p, 8, 2, pixels=lambda raw: zlib.compress(raw + bytes(5000))))
    write("more-chunks.png", png(p, 8, 2, after=chunk(b"IDAT", b"junk") + chunk(b"IEND")))
    write("no-end.png", png(p, 8, 2, after=b""))
    write("no-sum-of-end.png", png(p, 8, 2, after=chunk(b"IEND")[:-4]))
    write("sum-of-end.png", png(p, 8, 2, after=chunk(b"IEND", b"", 1)))
    write("trailing.png", png(p, 8, 2, after=chunk(b"IEND") + b"more"))
    write("sum-of-zlib.png", png(p, 8, 2, pixels=lambda raw: zlib.compress(raw)[:-4] + b"sums"))
    write("no-sum-of-zlib.png", png(p, 8, 2, pixels=lambda raw: zlib.compress(raw)[:-4]))
    write("pieces.png", png(p, 8, 2, pieces=40))
    write("empty-pieces.png", png(p, 8, 2, pieces=3, between=chunk(b"IDAT")))
    write("animated.png", png(p, 8, 2, before=chunk(b"acTL", b"\0\0\0\1\0\0\0\0"), after=chunk(b"fdAT", b"\0\0\0\1junk") + chunk(b"IEND")))
    write("turned6.png", png(p, 8, 2, before=chunk(b"eXIf", exif(6))))
    write("turned8-behind.png", png(p, 8, 2, after=chunk(b"eXIf", exif(8, ">")) + chunk(b"IEND")))
    write("sum-of-turned.png", png(p, 8, 2, before=chunk(b"eXIf", exif(6), 1)))


def bmp(bits, rows, header=40, packing=0, palette=b"", masks=b"", offset=None, top_down=False, used=0, size=(17, 11)):
    width, height = size
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIIIII", header, width, -height if top_down else height, 1, bits, packing, len(rows), 2835, 2835, used, 0)
        info = (info + (masks if header > 40 else b"")).ljust(header, b"\0")[:header]
        info += masks if header == 40 else b""
    at = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at if offset is None else offset) + info + palette + rows


def bmps():
    rng = np.random.default_rng(4)
    width, height = 17, 11

    def rows(bits):
        used, line = (width * bits + 7) // 8, (width * bits + 31) // 32 * 4
        return b"".join(rng.integers(0, 256, used, dtype=np.uint8).tobytes().ljust(line, b"\0") for _ in range(height))

    def colours(n, entry=4):
        return b"".join(rng.integers(0, 256, 3, dtype=np.uint8).tobytes() + b"\0" * (entry - 3) for _ in range(n))

    for bits in (1, 4, 8):
        write("%d.bmp" % bits, bmp(bits, rows(bits), palette=colours(2 ** bits)))
        write("%d-os2.bmp" % bits, bmp(bits, rows(bits), header=12, palette=colours(2 ** bits, 3)))
        write("%d-os2-2.bmp" % bits, bmp(bits, rows(bits), header=64, palette=colours(2 ** bits)))
    write("8-few-colours.bmp", bmp(8, bytes(i % 5 for i in rows(8)), palette=colours(5), used=5))
    for bits in (16, 24, 32):
        for header in (40, 108, 124):
            write("%d-v%d.bmp" % (bits, header), bmp(bits, rows(bits), header=header))
        write("%d-down.bmp" % bits, bmp(bits, rows(bits), top_down=True))
    write("24-os2.bmp", bmp(24, rows(24), header=12))
    write("24-last-padding.bmp", bmp(24, rows(24))[:-1])
    write("565.bmp", bmp(16, rows(16), packing=3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f)))
    write("555.bmp", bmp(16, rows(16), packing=3, masks=struct.pack("<III", 0x7c00, 0x3e0, 0x1f)))
    write("32-masks.bmp", bmp(32, rows(32), packing=3, masks=struct.pack("<III", 0xff0000, 0xff00, 0xff)))
    runs8 = b"".join(bytes((9, 1 + y, 0, 5)) + bytes(range(y, y + 5)) + b"\0" + bytes((3, 200)) + b"\0\0" for y in range(height)) + b"\0\1"
    write("rle8.bmp", bmp(8, runs8, packing=1, palette=colours(256)))
    write("rle8-v124.bmp", bmp(8, runs8, header=124, packing=1, palette=colours(256)))
    write("rle8-skips.bmp", bmp(8, b"\4\7\0\0\3\5\0\2\2\3\5\6\0\0\0\0\5\3\0\1", packing=1, palette=colours(256)))
    runs4 = b"".join(bytes((9, 0x10 + y, 0, 5, 0x12, 0x34, 0x50, 0, 3, 0xab, 0, 0)) for y in range(height)) + b"\0\1"
    write("rle4.bmp", bmp(4, runs4, packing=2, palette=colours(16)))


def gif(width, height, frames, palette=True, version=b"GIF89a", end=b";", bits=7):
    colours = bytes((i * 37 + c * 91) % 256 for i in range(2 << bits) for c in range(3))
    return version + struct.pack("<HHBBB", width, height, (0x80 | bits) if palette else 0, 0, 0) + (colours if palette else b"") + b"".join(frames) + end


def gif_frame(x, y, indices, interlaced=False, palette=b"", first=8, clear_at=10 ** 9, tail=b"\0"):
    """Compresses a frame by codes that grow, and by a full table that is kept until clear_at."""
    height, width = indices.shape
    order = list(range(height))
    if interlaced:
        order = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, height, step)]
    clear, codes = 1 << first, []
    table, bits, count = {}, first + 1, clear + 2
    codes.append((clear, bits))
    text = ()
    for n, v in enumerate(int(v) for v in indices[order].ravel()):
        if text + (v,) in table or not text:
            text += (v,)
            continue
        codes.append((table[text] if len(text) > 1 else text[0], bits))
        if count < 4096:
            table[text + (v,)] = count
            count += 1
            if count > 1 << bits and bits < 12:
                bits += 1
        if n % clear_at == clear_at - 1:
            codes.append((clear, bits))
            table, bits, count = {}, first + 1, clear + 2
        text = (v,)
    codes += [(table[text] if len(text) > 1 else text[0], bits), (clear + 1, bits)]
    acc = n = 0
    for code, size in codes:
        acc |= code << n
        n += size
    data = acc.to_bytes((n + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))
    flags = (0x40 if interlaced else 0) | (0x80 | (len(palette) // 3).bit_length() - 2 if palette else 0)
    return b"," + struct.pack("<HHHHB", x, y, width, height, flags) + palette + bytes([first]) + blocks + tail


def gifs():
    rng = np.random.default_rng(5)
    p = rng.integers(0, 256, (11, 17))
    smooth = np.add.outer(np.arange(90), np.arange(80)) // 3 % 200
    write("plain.gif", gif(17, 11, [gif_frame(0, 0, p)]))
    write("interlaced.gif", gif(17, 11, [gif_frame(0, 0, p, True)]))
    write("full-table.gif", gif(80, 90, [gif_frame(0, 0, rng.integers(0, 256, (90, 80)))]))
    write("clears.gif", gif(80, 90, [gif_frame(0, 0, rng.integers(0, 256, (90, 80)), clear_at=1000)]))
    write("smooth.gif", gif(80, 90, [gif_frame(0, 0, smooth)]))
    write("two-colours.gif", gif(17, 11, [gif_frame(0, 0, p % 2, first=2)], bits=0))
    write("local-palette.gif", gif(17, 11, [gif_frame(0, 0, p % 4, first=2, palette=bytes(range(12)))]))
    write("no-palette.gif", gif(17, 11, [gif_frame(0, 0, p)], palette=False))
    write("animated.gif", gif(17, 11, [b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", b"!\xf9\4\5\0\0\7\0", gif_frame(0, 0, p), gif_frame(2, 3, p[:5, :5])]))
    write("remark.gif", gif(17, 11, [b"!\xfe\5words\0", gif_frame(0, 0, p)]))
    write("no-end.gif", gif(17, 11, [gif_frame(0, 0, p)], end=b""))
    write("trailing.gif", gif(17, 11, [gif_frame(0, 0, p)], end=b";more"))
    write("over-the-screen.gif", gif(9, 5, [gif_frame(0, 0, p)]))
    write("no-screen.gif", gif(0, 0, [gif_frame(0, 0, p)]))


def webps():
    """Wants webpmux of libwebp's tools."""
    p = formula(37, 29)
    alpha = np.dstack([p, p[:, :, 0]])
    write("lossy.webp", pillow(p, "WEBP", quality=50))
    write("lossless.webp", pillow(p, "WEBP", lossless=True))
    write("lossy-alpha.webp", pillow(alpha, "WEBP", quality=50))
    write("lossless-alpha.webp", pillow(alpha, "WEBP", lossless=True, exact=True))
    write("with-exif.webp", pillow(p, "WEBP", quality=50, exif=b"Exif\0\0" + exif(1), icc_profile=b"junk" * 5))
    for name in ("lossy", "lossless-alpha", "lossy-alpha"):
        path = os.path.join(OUT, name + ".webp")
        for kind, place in (("", "+0+0"), ("-moved", "+6+4")):
            out = os.path.join(OUT, name + "-animated%s.webp" % kind)
            subprocess.run(["webpmux", "-frame", path, "+100%s+0+b" % place, "-frame", path, "+100+8+8+1-b", "-o", out], check=True, stderr=subprocess.DEVNULL)
    data = open(os.path.join(OUT, "lossy.webp"), "rb").read()
    write("unknown-chunk.webp", b"RIFF" + struct.pack("<I", len(data) + 2) + b"WEBP" + data[12:] + b"JUNK\2\0\0\0ab")
    write("trailing.webp", data + b"more")


def tiff(samples, colour, bits=8, order="<", tags=(), rows=None, tile=None, planes=1, compression=1, pack=lambda raw: raw, later=b""):
    """Writes a TIFF file of strips of so many rows, or of tiles (height, width)."""
    height, width, channels = samples.shape
    tile_h, tile_w = tile or (rows or height, width)
    segments = []
    for plane in range(channels if planes == 2 else 1):
        for y in range(0, height, tile_h):
            for x in range(0, width, tile_w):
                part = samples[y:y + tile_h, x:x + tile_w]
                if planes == 2:
                    part = part[:, :, plane:plane + 1]
                if tile:
                    part = np.pad(part, ((0, tile_h - part.shape[0]), (0, tile_w - part.shape[1]), (0, 0)))
                part = part.reshape(part.shape[0], -1)
                if bits == 16:
                    raw = part.astype(order + "u2").tobytes()
                elif bits == 8:
                    raw = part.astype(np.uint8).tobytes()
                else:
                    lines = ["".join(format(int(v), "0%db" % bits) for v in line) for line in part]
                    raw = b"".join(int(line + "0" * (-len(line) % 8), 2).to_bytes((len(line) + 7) // 8, "big") for line in lines)
                segments.append(pack(raw))
    data, offsets = b"", []
    for s in segments:
        offsets.append(8 + len(data))
        data += s + b"\0" * (len(s) % 2)
    entries = [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * channels), (259, 3, [compression]), (262, 3, [colour]), (277, 3, [channels]),
               (324 if tile else 273, 4, offsets), (325 if tile else 279, 4, [len(s) for s in segments]), (284, 3, [planes])]
    entries += [(322, 3, [tile_w]), (323, 3, [tile_h])] if tile else [(278, 3, [tile_h])]
    entries = sorted(entries + list(tags))
    out, extra, at = b"", b"", 8 + len(data) + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        raw = struct.pack(order + {3: "H", 4: "I", 7: "B"}[kind] * len(values), *values)
        value = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(order + "I", at + len(extra))
        extra += raw + b"\0" * (len(raw) % 2) if len(raw) > 4 else b""
        out += struct.pack(order + "HHI", tag, kind, len(values)) + value
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8 + len(data)) + data + struct.pack(order + "H", len(entries)) + out + struct.pack(order + "I", 0) + extra + later


def packbits(raw):
    out = b""
    while raw:
        run = 1
        while run < min(len(raw), 128) and raw[run] == raw[0]:
            run += 1
        out += bytes((257 - run, raw[0])) if run > 1 else bytes((0, raw[0]))
        raw = raw[run:]
    return out


def tiffs():
    rng = np.random.default_rng(6)
    p = formula(37, 29)
    noise = rng.integers(0, 65536, (11, 17, 4))
    for order in "<>":
        name = {"<": "little", ">": "big"}[order]
        write("rgb-%s.tif" % name, tiff(p, 2, order=order, rows=5))
        write("rgb16-%s.tif" % name, tiff(noise[:, :, :3], 2, 16, order, rows=4))
        write("grey16-%s.tif" % name, tiff(noise[:, :, :1], 1, 16, order))
    for bits in (1, 4, 8):
        write("grey%d.tif" % bits, tiff(noise[:, :, :1] % 2 ** bits, 1, bits))
        write("white%d.tif" % bits, tiff(noise[:, :, :1] % 2 ** bits, 0, bits))
        write("palette%d.tif" % bits, tiff(noise[:, :, :1] % 2 ** bits, 3, bits, tags=[(320, 3, [int(v) * 257 for v in rng.integers(0, 256, 3 << bits)])]))
    write("cmyk.tif", tiff(noise % 256, 5))
    write("alpha.tif", tiff(noise % 256, 2, tags=[(338, 3, [1])]))
    write("planes.tif", tiff(p, 2, planes=2, rows=7))
    write("tiles.tif", tiff(p, 2, tile=(16, 16)))
    write("tiles-planes.tif", tiff(p, 2, tile=(32, 16), planes=2))
    write("deflate.tif", tiff(p, 2, rows=9, compression=8, pack=zlib.compress))
    write("deflate-old.tif", tiff(p, 2, compression=32946, pack=zlib.compress))
    write("packbits.tif", tiff(p // 64, 2, rows=8, compression=32773, pack=packbits))
    write("no-lengths.tif", tiff(p, 2).replace(struct.pack("<HH", 279, 4), struct.pack("<HH", 280, 4)))
    for o in range(1, 9):
        write("turned%d.tif" % o, tiff(noise[:7, :5, :3] % 256, 2, tags=[(274, 3, [o])]))
    for name, options in (("lzw", dict(compression="tiff_lzw")), ("lzw-differences", dict(compression="tiff_lzw", tiffinfo={317: 2})),
                          ("deflate-differences", dict(compression="tiff_adobe_deflate", tiffinfo={317: 2})), ("jpeg", dict(compression="jpeg", quality=60))):
        write(name + ".tif", pillow(p, "TIFF", **options))
    write("jpeg-grey.tif", pillow(p[:, :, 0].copy(), "TIFF", compression="jpeg", quality=60))
    bilevel = Image.fromarray((p[:, :, 0] > 128).astype(np.uint8) * 255).convert("1")
    for name in ("group3", "group4"):
        out = io.BytesIO()
        bilevel.save(out, "TIFF", compression=name)
        write(name + ".tif", out.getvalue())
    out = io.BytesIO()
    Image.fromarray(p).save(out, "TIFF", save_all=True, append_images=[Image.fromarray(255 - p)])
    write("pages.tif", out.getvalue())


def sums():
    with open(os.path.join(OUT, "sums.txt"), "w") as f:
        for name in sorted(os.listdir(OUT)):
            if name == "sums.txt":
                continue
            path = os.path.join(OUT, name)
            pixels = cv2.imread(path)
            who = "opencv"
            if pixels is not None:
                pixels = pixels[:, :, ::-1]
            else:
                try:
                    pixels, who = np.asarray(Image.open(path).convert("RGB")), "pillow"
                except Exception as e:
                    print("nobody reads", name, e)
                    continue
            digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
            f.write("%s %d %d %s %s\n" % (digest, pixels.shape[0], pixels.shape[1], name, who))


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for name in os.listdir(OUT):
        os.remove(os.path.join(OUT, name))
    jpegs()
    pngs()
    bmps()
    gifs()
    webps()
    tiffs()
    sums()
