"""Times forward and backward of GLIP-T's parts in PyTorch on the CPU: python3 train.py HEIGHT WIDTH TOKENS THREADS SECONDS

Weights are random; what is computed is not compared here. Each part runs once uncounted, then for SECONDS, at least once, its backward
after each forward, from the gradient of its results to those of its weights and inputs. The last line is JSON: medians in milliseconds.
"""
import json
import math
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

DROP, PATH = 0.1, 0.2


class Path(nn.Module):
    """A residual branch that is left out by chance."""

    def __init__(self, rate):
        super().__init__()
        self.keep = 1 - rate

    def forward(self, x):
        return x * torch.bernoulli(torch.full((x.shape[0], 1, 1), self.keep)) / self.keep


class Window(nn.Module):
    """A Swin block: attention in windows of 7 x 7, every second one shifted, and an MLP."""

    def __init__(self, dim, heads, shift, rate):
        super().__init__()
        self.heads, self.shift, self.path = heads, shift, Path(rate)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.table = nn.Parameter(torch.randn(13 * 13, heads) / 50)
        at = torch.stack(torch.meshgrid(torch.arange(7), torch.arange(7), indexing='ij')).flatten(1)
        apart = at[:, :, None] - at[:, None, :] + 6
        self.register_buffer('index', apart[0] * 13 + apart[1])

    def mask(self, height, width):
        where = torch.zeros(1, height, width, 1)
        cuts = (slice(0, -7), slice(-7, -3), slice(-3, None))
        for n, (y, x) in enumerate((y, x) for y in cuts for x in cuts):
            where[:, y, x] = n
        of = windows(where).squeeze(-1)
        return torch.where(of[:, None] == of[:, :, None], 0.0, -100.0)

    def attend(self, x):
        b, height, width, dim = x.shape
        x = F.pad(x, (0, 0, 0, -width % 7, 0, -height % 7))
        padded = x.shape
        if self.shift:
            x = x.roll((-3, -3), (1, 2))
        x = windows(x)
        q, k, v = self.qkv(x).view(len(x), 49, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + self.table[self.index].permute(2, 0, 1)
        if self.shift:
            mask = self.mask(*padded[1:3])
            scores = (scores.view(b, len(mask), self.heads, 49, 49) + mask[None, :, None]).view(-1, self.heads, 49, 49)
        x = self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(len(x), 49, dim))
        x = x.view(b, padded[1] // 7, padded[2] // 7, 7, 7, dim).transpose(2, 3).reshape(padded)
        if self.shift:
            x = x.roll((3, 3), (1, 2))
        return x[:, :height, :width]

    def forward(self, x):
        b, height, width, dim = x.shape
        x = x.reshape(b, -1, dim)
        x = x + self.path(self.attend(self.norm1(x).view(b, height, width, dim)).reshape(x.shape))
        x = x + self.path(self.fc2(F.gelu(self.fc1(self.norm2(x)))))
        return x.view(b, height, width, dim)


def windows(x):
    b, height, width, dim = x.shape
    return x.view(b, height // 7, 7, width // 7, 7, dim).transpose(2, 3).reshape(-1, 49, dim)


class Swin(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Conv2d(3, 96, 4, 4), nn.LayerNorm(96)
        rates = iter(torch.linspace(0, PATH, 12).tolist())
        self.stages = nn.ModuleList(
            nn.ModuleList(Window(96 << i, 3 << i, n % 2 == 1, next(rates)) for n in range(depth)) for i, depth in enumerate((2, 2, 6, 2)))
        self.merges = nn.ModuleList(nn.Sequential(nn.LayerNorm(384 << i), nn.Linear(384 << i, 192 << i, bias=False)) for i in range(3))
        self.norms = nn.ModuleList(nn.LayerNorm(96 << i) for i in (1, 2, 3))

    def forward(self, image):
        x = self.norm(self.embed(image).permute(0, 2, 3, 1))
        maps = []
        for i, stage in enumerate(self.stages):
            for block in stage:
                x = block(x)
            if i > 0:
                maps.append(self.norms[i - 1](x).permute(0, 3, 1, 2))
            if i < 3:
                x = self.merges[i](torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1))
        return maps


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleList(nn.Conv2d(c, 256, 1) for c in (192, 384, 768))
        self.layer = nn.ModuleList(nn.Conv2d(256, 256, 3, padding=1) for _ in range(3))
        self.p6, self.p7 = (nn.Conv2d(256, 256, 3, 2, 1) for _ in range(2))

    def forward(self, c3, c4, c5):
        p5 = self.inner[2](c5)
        p4 = self.inner[1](c4) + F.interpolate(p5, scale_factor=2)
        p3 = self.inner[0](c3) + F.interpolate(p4, scale_factor=2)
        maps = [f(p) for f, p in zip(self.layer, (p3, p4, p5))]
        maps.append(self.p6(maps[2]))
        maps.append(self.p7(F.relu(maps[3])))
        return maps


class Encoder(nn.Module):
    """A layer of BERT."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(768, 768) for _ in range(4))
        self.up, self.down = nn.Linear(768, 3072), nn.Linear(3072, 768)
        self.norm1, self.norm2 = nn.LayerNorm(768), nn.LayerNorm(768)

    def forward(self, x):
        heads = lambda y: y.view(*y.shape[:2], 12, 64).transpose(1, 2)
        weights = F.dropout((heads(self.q(x)) @ heads(self.k(x)).transpose(-1, -2) / 8).softmax(-1), DROP)
        x = self.norm1(x + F.dropout(self.out((weights @ heads(self.v(x))).transpose(1, 2).reshape(x.shape)), DROP))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), DROP))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(30522, 768, 0), nn.Embedding(512, 768), nn.Embedding(2, 768)
        self.norm, self.layers = nn.LayerNorm(768), nn.ModuleList(Encoder() for _ in range(12))

    def forward(self, ids):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1])) + self.kinds(torch.zeros_like(ids))
        x = F.dropout(self.norm(x), DROP)
        for layer in self.layers:
            x = layer(x)
        return [x]


class Fuse(nn.Module):
    """Attention of the picture to the text and of the text to the picture."""

    def __init__(self):
        super().__init__()
        self.norm_v, self.norm_l = nn.LayerNorm(256), nn.LayerNorm(768)
        self.v, self.values_v, self.out_v = nn.Linear(256, 2048), nn.Linear(256, 2048), nn.Linear(2048, 256)
        self.l, self.values_l, self.out_l = nn.Linear(768, 2048), nn.Linear(768, 2048), nn.Linear(2048, 768)
        self.gamma_v, self.gamma_l = nn.Parameter(torch.ones(256) / 6), nn.Parameter(torch.ones(768) / 6)

    def forward(self, text, *maps):
        heads = lambda x: x.view(*x.shape[:2], 8, 256).transpose(1, 2)
        joined = lambda x: x.transpose(1, 2).flatten(2)
        v, l = self.norm_v(torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)), self.norm_l(text)
        scores = (heads(self.v(v)) / 16 @ heads(self.l(l)).transpose(-1, -2)).clamp(-50000, 50000)
        weights_v, weights_l = F.dropout(scores.softmax(-1), DROP), F.dropout(scores.transpose(-1, -2).softmax(-1), DROP)
        text = l + self.gamma_l * self.out_l(joined(weights_l @ heads(self.values_v(v))))
        v = (v + self.gamma_v * self.out_v(joined(weights_v @ heads(self.values_l(l))))).transpose(1, 2)
        parts = v.split([m.shape[2] * m.shape[3] for m in maps], 2)
        return [text, *(p.reshape(m.shape) for p, m in zip(parts, maps))]


class Deform(nn.Module):
    """A deformable convolution with masks, by grid_sample, and a norm."""

    def __init__(self, stride):
        super().__init__()
        self.stride = stride
        self.weight, self.bias, self.norm = nn.Parameter(torch.randn(256, 2304) / 48), nn.Parameter(torch.zeros(256)), nn.GroupNorm(16, 256)

    def forward(self, x, moved, mask):
        b, c, height, width = x.shape
        rows, columns = (height - 1) // self.stride + 1, (width - 1) // self.stride + 1
        moved, mask = moved[:, :, :rows, :columns], mask[:, :, :rows, :columns]
        taps = torch.arange(9)
        y = (torch.arange(rows) * self.stride).view(1, rows, 1) + (taps // 3 - 1).view(9, 1, 1) + moved[:, 0::2]
        x0 = (torch.arange(columns) * self.stride).view(1, 1, columns) + (taps % 3 - 1).view(9, 1, 1) + moved[:, 1::2]
        grid = torch.stack([2 * x0 / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1).view(b, 9 * rows, columns, 2)
        taken = F.grid_sample(x, grid, align_corners=True).view(b, c, 9, rows, columns) * mask[:, None]
        out = self.weight @ taken.reshape(b, 9 * c, rows * columns) + self.bias[:, None]
        return self.norm(out.view(b, 256, rows, columns))


class DyConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.mid, self.down = Deform(1), Deform(1), Deform(2)
        self.offset = nn.Conv2d(256, 27, 3, padding=1)
        nn.init.normal_(self.offset.weight, std=0.01)
        self.gate, self.fc1, self.fc2 = nn.Conv2d(256, 1, 1), nn.Linear(256, 64), nn.Linear(64, 1024)

    def level(self, maps, i):
        moved, mask = self.offset(maps[i]).split([18, 9], 1)
        mask = mask.sigmoid()
        found = [self.mid(maps[i], moved, mask)]
        if i > 0:
            found.append(self.down(maps[i - 1], moved, mask))
        if i + 1 < len(maps):
            found.append(F.interpolate(self.up(maps[i + 1], moved, mask), maps[i].shape[2:], mode='bilinear', align_corners=True))
        gates = [F.hardsigmoid(F.relu(self.gate(F.adaptive_avg_pool2d(x, 1)))) for x in found]
        x = torch.stack([x * g for x, g in zip(found, gates)]).mean(0)
        a, b, c, d = (F.hardsigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3)))))) - 0.5)[:, :, None, None].chunk(4, 1)
        return torch.maximum(x * (2 * a + 1) + b, x * 2 * c + d)

    def forward(self, *maps):
        return [self.level(maps, i) for i in range(len(maps))]


class Many(nn.Module):
    """Layers one after the other; what a layer gives is what the next takes."""

    def __init__(self, make):
        super().__init__()
        self.layers = nn.ModuleList(make() for _ in range(6))

    def forward(self, *values):
        for layer in self.layers:
            values = layer(*values)
            values = values if isinstance(values, (list, tuple)) else [values]
        return values


def median(times):
    return 1000 * statistics.median(times)


def timed(part, inputs, seconds):
    """Medians of forward and backward."""
    forward, backward, end = [], [], None
    while end is None or not forward or time.perf_counter() < end:
        for x in [*part.parameters(), *inputs]:
            x.grad = None
        t0 = time.perf_counter()
        out = part(*inputs)
        t1 = time.perf_counter()
        torch.autograd.backward(out, [torch.ones_like(x) for x in out])
        t2 = time.perf_counter()
        if end is None:  # the first run is not counted
            end = time.perf_counter() + seconds
            continue
        forward.append(t1 - t0)
        backward.append(t2 - t1)
    return {'forward_ms': median(forward), 'backward_ms': median(backward), 'runs': len(forward)}


def updated(parameters, seconds):
    """The median of clipping and a step of AdamW."""
    for x in parameters:
        x.grad = torch.full_like(x, 1e-3)
    optimizer = torch.optim.AdamW(parameters, 1e-4, weight_decay=0.05, foreach=True)
    times, end = [], None
    while end is None or not times or time.perf_counter() < end:
        t0 = time.perf_counter()
        nn.utils.clip_grad_norm_(parameters, 1)
        optimizer.step()
        if end is None:
            end = time.perf_counter() + seconds
            continue
        times.append(time.perf_counter() - t0)
    return {'update_ms': median(times), 'runs': len(times), 'values': sum(x.numel() for x in parameters)}


def main():
    height, width, tokens, threads = map(int, sys.argv[1:5])
    seconds = float(sys.argv[5])
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    given = lambda *shape: torch.randn(*shape).requires_grad_()
    down = lambda n, by: math.ceil(n / by)
    maps = lambda: [given(1, 256, down(height, 8 << i), down(width, 8 << i)) for i in range(5)]
    coarse = [given(1, 192 << i, height // (8 << i), width // (8 << i)) for i in range(3)]
    text = given(1, tokens, 768)
    parts = {
        'backbone': (Swin(), [torch.randn(1, 3, height, width)]),
        'pyramid': (Pyramid(), coarse),
        'text encoder': (Bert(), [torch.randint(1000, 30000, (1, tokens))]),
        'fusion': (Many(Fuse), [text, *maps()]),
        'text layers': (Many(Encoder), [text]),
        'dynamic heads': (Many(DyConv), maps()),
    }
    found = {name: timed(part, inputs, seconds) for name, (part, inputs) in parts.items()}
    parameters = [x for part, _ in parts.values() for x in part.parameters()]
    found['update'] = updated(parameters, seconds)
    print(json.dumps({'torch': torch.__version__, 'threads': torch.get_num_threads(), 'blas': blas(), 'parts': found}))


def blas():
    """The files that products come from."""
    with open('/proc/self/maps') as maps:
        return sorted({line.split('/')[-1].strip() for line in maps if 'blas' in line.lower().split('/')[-1]})


if __name__ == '__main__':
    main()
