// Boxes of two answers about one picture, matched by their overlap.

const LEAST = 0.5; // of intersection over union

// overlap is the intersection of two boxes over their union; corners are inclusive.
export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1;
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1;
  if (!(width > 0 && height > 0)) return 0;
  const area = (c) => (c[2] - c[0] + 1) * (c[3] - c[1] + 1);
  return (width * height) / (area(a) + area(b) - width * height);
}

// match pairs detections, the greatest overlap first: pairs of [one, other], with null where there is no other.
export function match(ones, others) {
  const pairs = ones.flatMap((a) => others.map((b) => [overlap(a.box, b.box), a, b])).filter(([o]) => o >= LEAST);
  pairs.sort((p, q) => q[0] - p[0]);
  const taken = new Set();
  const list = [];
  for (const [, a, b] of pairs) {
    if (taken.has(a) || taken.has(b)) continue;
    taken.add(a).add(b);
    list.push([a, b]);
  }
  for (const a of ones) if (!taken.has(a)) list.push([a, null]);
  for (const b of others) if (!taken.has(b)) list.push([null, b]);
  return list;
}
