// Checks of the page's modules that need no page: node --test units.mjs
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { points, units, lineSpans, pieces, follow, seconds, bytes } from "../page/text.mjs";
import { fitted, zoomed, around } from "../page/zoom.mjs";
import { overlap, match } from "../page/match.mjs";
import { bars } from "../page/threshold.mjs";
import { parts } from "../page/timing.mjs";
import { reduced } from "../page/picture.mjs";
import { decode } from "../page/words.mjs";
import { phraseMarks } from "../page/sentence.mjs";
import { coco, curl, stem, answered } from "../page/formats.mjs";
import { difference } from "../page/compare.mjs";
import { latest } from "../page/latest.mjs";
import { colour, dash, heat, COLOURS, DASHES } from "../page/colours.mjs";

test("code points and units", () => {
  const text = "a😀b";
  assert.deepEqual([0, 1, 3, 4].map((u) => points(text, u)), [0, 1, 2, 3]);
  assert.deepEqual([0, 1, 2, 3, 9].map((p) => units(text, p)), [0, 1, 3, 4, 4]);
  assert.deepEqual(lineSpans("cat\n  dog \n\nred apple"), [[0, 3], [6, 9], [12, 21]]);
});

test("a text is cut at its marks and where it is not read", () => {
  const text = "a cat and a dog";
  const list = pieces(text, [{ begin: 10, end: 15 }, { begin: 0, end: 5 }, { begin: 3, end: 7 }, { begin: 14, end: 99 }], 12);
  assert.equal(list.map((p) => p.text).join(""), text);
  assert.deepEqual(list.map((p) => [p.text, p.mark !== null, p.beyond]), [["a cat", true, false], [" and ", false, false], ["a ", true, false], ["dog", true, true]]);
});

test("spans follow an edit", () => {
  assert.deepEqual(follow([[0, 5], [10, 15]], "a cat and a dog", "a cat and one a dog"), [[0, 5], [14, 19]]);
  assert.deepEqual(follow([[0, 5], [10, 15]], "a cat and a dog", "a bat and a dog"), [[10, 15]]);
  assert.deepEqual(follow([[0, 5]], "a cat", ""), []);
});

test("places of phrases, where the server read another text", () => {
  const phrases = [{ phrase: "cat", span: [0, 3] }, { phrase: "Cat", span: [5, 8] }, { phrase: "absent", span: [10, 16] }];
  assert.deepEqual(phraseMarks("cat, cat", phrases, ["cat. cat"]).map((m) => [m.begin, m.end, m.label]), [[0, 3, 1], [5, 8, 2]]);
  assert.deepEqual(phraseMarks("😀 cat", [{ phrase: "cat", span: [2, 5], label: 7 }], ["😀 cat"]).map((m) => [m.begin, m.end, m.label]), [[3, 6, 7]]);
});

test("views", () => {
  const picture = { width: 200, height: 100 };
  const frame = { width: 400, height: 400 };
  assert.deepEqual(fitted(picture, frame), { scale: 2, x: 0, y: 100 });
  const at = { x: 100, y: 150 };
  const near = zoomed(fitted(picture, frame), 4, at, picture, frame);
  assert.equal(near.scale, 8);
  assert.equal((at.x - near.x) / near.scale, 50, "the point under the mouse stays");
  assert.equal(zoomed(near, 1e-9, at, picture, frame).scale, 1, "as small as it is, where it fits");
  const box = around([10, 10, 29, 29], picture, frame);
  assert.equal(box.scale, 12);
  for (const view of [near, box]) assert.ok(view.x <= 0 && view.x >= frame.width - picture.width * view.scale, "no gap");
});

test("boxes are matched by overlap, the greatest first", () => {
  assert.equal(overlap([0, 0, 9, 9], [0, 0, 9, 4]), 0.5);
  assert.equal(overlap([0, 0, 9, 9], [10, 0, 19, 9]), 0);
  assert.equal(overlap([0, 0, NaN, 9], [0, 0, 9, 9]), 0);
  const [a, b, c, d] = [[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 7], [50, 50, 60, 60]].map((box) => ({ box, phrase: "x", score: 0.5 }));
  assert.deepEqual(match([c, a], [b, d]), [[a, b], [c, null], [null, d]]);
  assert.deepEqual(difference([{ ...a, phrase: "cat" }, { ...b, score: 0.25 }]), ["both", "cat → x: 0.50 → 0.25 (−0.25)"]);
});

test("the histogram", () => {
  const counts = bars([0.05, 0.069, 0.3, 1, 0.01, NaN]);
  assert.equal(counts.reduce((s, n) => s + n, 0), 4);
  assert.equal(counts[0], 2);
  assert.equal(counts.at(-1), 1);
});

test("the time", () => {
  const list = parts({ queue: 0, decode: 0.01, picture: 0, caption: 0.02, grounding: 0.97, total: 1, known: ["picture"] });
  assert.ok(Math.abs(list.reduce((s, p) => s + p.share, 0) - 100) < 1e-9);
  assert.deepEqual(list.filter((p) => p.known).map((p) => p.name), ["picture"]);
  assert.ok(list.every((p) => p.share > 1));
  assert.deepEqual(parts({ known: ["whole"] }).filter((p) => p.known).map((p) => p.name), ["picture", "caption", "grounding"]);
  assert.deepEqual([0.0042, 0.14, 3.14, 123].map(seconds), ["4 ms", "0.1 s", "3.1 s", "123 s"]);
  assert.deepEqual([12, 4321, 5e6].map(bytes), ["12 B", "4 kB", "5.0 MB"]);
});

test("what a picture is reduced to", () => {
  assert.deepEqual(reduced({ width: 451, height: 300 }, { short: 800, long: 1333 }), [1203, 800]);
  assert.deepEqual(reduced({ width: 3000, height: 500 }, { short: 800, long: 1333 }), [1333, 222]);
  assert.equal(reduced({ width: 3, height: 5 }, undefined), null);
});

test("maps of words", () => {
  const token = (text, begin, end) => ({ text, begin, end, peak: 0.5 });
  const tokens = [token("[CLS]", 0, 0), token("whiskers", 0, 8), token("whisk", 0, 5), token("ers", 5, 8), token("cat", 9, 12), token(",", 12, 13)];
  const grid = { height: 1, width: 2, stride: 8, scale: [1, 1] };
  const words = decode({ tokens, grid, maps: btoa(String.fromCharCode(...Array.from({ length: 12 }, (_, i) => i))) });
  assert.deepEqual(words.map((w) => [w.text, ...w.values]), [["whiskers", 2, 3], ["cat", 8, 9]]);
  const joined = decode({ tokens: tokens.slice(2), words: tokens.slice(1, 2), grid, maps: btoa("aabbccdd"), word_maps: btoa("ww") });
  assert.deepEqual(joined.map((w) => [w.text, ...w.values]), [["whiskers", 119, 119], ["cat", 99, 99]]);
  assert.throws(() => decode({ tokens, grid, maps: btoa("abc") }), /size/);
});

test("COCO of several pictures", () => {
  const answer = { width: 10, height: 20, phrases: [{ phrase: "a" }, { phrase: "b" }] };
  const d = { phrase: "b", score: 0.5, box: [1, 2, 3, 5] };
  const it = coco([{ name: "1.png", answer, shown: [d] }, { name: "2.png", answer: { ...answer, phrases: [{ phrase: "c" }] }, shown: [] }]);
  assert.deepEqual(it.annotations, [{ id: 1, image_id: 1, category_id: 2, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0, score: 0.5 }]);
  assert.deepEqual(it.categories.map((c) => c.name), ["a", "b", "c"]);
  assert.deepEqual(answered({ model: "m", question: {}, name: "x", detections: [d, d] }, [{ ...d, index: 1 }]), { model: "m", detections: [d] });
  assert.deepEqual([stem("a.b.png"), stem("plain"), stem(".png")], ["a.b", "plain", "picture"]);
});

test("a command that no sentence breaks out of", () => {
  const say = (question, name = "cat.png") => curl("http://h:1", name, question, 0.3, false);
  assert.equal(say({ text: "it's $HOME", spans: [[0, 4]] }), `curl -F 'image=@cat.png' -F 'text=it'\\''s $HOME' -F 'span=0:4' -F threshold=0.30 'http://h:1/v1/detect'`);
  assert.match(say({ classes: ["@/etc/passwd", "a;type=b", "dog"] }), /--form-string 'class=@\/etc\/passwd' --form-string 'class=a;type=b' -F 'class=dog'/);
  assert.match(say({ text: "x", spans: [] }, 'a;b".png'), /'image=@"a;b\\".png"'/);
  assert.match(curl("http://h", "x", { text: "x", spans: [] }, 1, true), /^curl -H "Authorization: Bearer \$GLIP_TOKEN" /);
});

test("one run at a time, and then the last call", async () => {
  const seen = [];
  let free;
  const f = latest(async (n) => {
    seen.push(n);
    if (n === 1) await new Promise((resolve) => (free = resolve));
  });
  const first = f(1);
  f(2);
  f(3);
  free();
  await first;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(seen, [1, 3]);
});

// Machado, Oliveira and Fernandes 2009, at full severity, on linear light; distances in OKLab.
const SIGHTS = {
  usual: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const times = (m, [a, b, c]) => [0, 3, 6].map((i) => Math.min(1, Math.max(0, m[i] * a + m[i + 1] * b + m[i + 2] * c)));
const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const oklab = ([r, g, b]) => {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
};
const luminance = (hex) => { const [r, g, b] = light(hex); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };

test("twelve colours that the colour-blind tell apart, on light and dark pages", () => {
  const css = readFileSync(new URL("../page/base.css", import.meta.url), "utf8").replace(/#(\w)(\w)(\w)\b(?!\w)/g, "#$1$1$2$2$3$3");
  const all = (name) => [...css.matchAll(new RegExp(`--${name}(\\d+): (#\\w{6})`, "g"))].map((m) => m[2]);
  const [colours, letters] = [all("c"), all("t")];
  assert.equal(colours.length, 2 * COLOURS);
  for (const set of [0, 1]) {
    const these = colours.slice(set * COLOURS, (set + 1) * COLOURS);
    for (const [sight, m] of Object.entries(SIGHTS)) {
      const seen = these.map((c) => oklab(times(m, light(c))));
      seen.forEach((a, i) => seen.slice(0, i).forEach((b, j) => {
        const far = Math.hypot(...a.map((v, k) => v - b[k]));
        assert.ok(far > 0.11, `${these[i]} and ${these[j]} are ${far.toFixed(3)} apart (${sight})`); // 0.02 is just seen
      }));
    }
    these.forEach((c, i) => {
      assert.ok(contrast(c, letters[set * COLOURS + i]) >= 4.5, `letters on ${c}`);
      assert.ok(contrast(c, set ? "#1d1f26" : "#ffffff") >= 2.8, `${c} on the page`);
    });
  }
  const looks = new Set(Array.from({ length: COLOURS * DASHES.length }, (_, i) => `${colour(i + 1)} ${dash(i + 1)}`));
  assert.equal(looks.size, 60);
  assert.equal(heat[3], 0);
  assert.ok(heat[4 * 255 + 3] > 150);
});
