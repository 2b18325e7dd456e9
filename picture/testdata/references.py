#!/usr/bin/python3
"""Makes testdata/formats: small pictures by formula in many formats, and sums.txt, the SHA-256 of their pixels as OpenCV reads them.

Run it in this folder; it wants OpenCV, Pillow and NumPy for Python, and cjpeg of libjpeg-turbo. The files there were made with
OpenCV 4.6.0, Pillow 9.4.0 and libjpeg-turbo 2.1.5 (Debian 12).
"""
import hashlib, io, os, struct, subprocess, sys
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
    sums()
