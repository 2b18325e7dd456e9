// Places in texts. The server counts code points, the browser UTF-16 units.

// points is how many code points lie before a place in units.
export function points(text, unit) {
  return [...text.slice(0, unit)].length;
}

// units is where so many code points end.
export function units(text, point) {
  let at = 0;
  for (const c of text) {
    if (point-- <= 0) break;
    at += c.length;
  }
  return at;
}

// lines are the classes of a text: a line each, without what is empty.
export const lines = (text) => text.split("\n").map((l) => l.trim()).filter(Boolean);

// lineSpans are the places of those lines, in units.
export function lineSpans(text) {
  const spans = [];
  let at = 0;
  for (const line of text.split("\n")) {
    const name = line.trim();
    if (name) {
      const begin = at + line.indexOf(name);
      spans.push([begin, begin + name.length]);
    }
    at += line.length + 1;
  }
  return spans;
}

// pieces cuts a text at its marks ({begin, end, ...} in units; of two that overlap the later one is left out) and at the
// place from which on it is not read. Joined they are the text.
export function pieces(text, marks, beyond = text.length) {
  const list = [];
  const add = (begin, end, mark) => {
    for (const [b, e, lost] of [[begin, Math.min(end, beyond), false], [Math.max(begin, beyond), end, true]]) {
      if (b < e) list.push({ text: text.slice(b, e), mark, beyond: lost });
    }
  };
  let at = 0;
  for (const m of [...marks].sort((a, b) => a.begin - b.begin)) {
    if (m.begin < at || m.end <= m.begin || m.end > text.length) continue;
    add(at, m.begin, null);
    add(m.begin, m.end, m);
    at = m.end;
  }
  add(at, text.length, null);
  return list;
}

// follow moves spans with an edit that made one text of another: those before it stay, those behind it move, those in
// which it was are dropped.
export function follow(spans, before, after) {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const by = after.length - before.length;
  return spans
    .map(([b, e]) => (e <= head ? [b, e] : b >= before.length - tail ? [b + by, e + by] : null))
    .filter(Boolean);
}

// percent is a score as people read it.
export const percent = (score) => Math.round(100 * score) + " %";

// seconds is a time as people read it.
export const seconds = (s) => (s < 0.0995 ? Math.round(1000 * s) + " ms" : s < 9.95 ? s.toFixed(1) + " s" : Math.round(s) + " s");

// bytes is a size as people read it.
export const bytes = (n) => (n < 1e3 ? n + " B" : n < 1e6 ? Math.round(n / 1e3) + " kB" : (n / 1e6).toFixed(1) + " MB");

// many is a number with its noun.
export const many = (n, one, more = one + "s") => n + " " + (n === 1 ? one : more);
