// How phrases are told apart: twelve colours, and the way in which a line is broken.
// base.css has the colours, once for light and once for dark pages; a test measures how far apart they are for the colour-blind.

export const COLOURS = 12;

// DASHES are the lengths of strokes and gaps, in pixels of the screen.
export const DASHES = ["", "9 4", "2.5 3.5", "12 4 2.5 4", "16 6"];

// colour and dash are those of a label, from 1. The same pair comes back after sixty labels.
export const colour = (label) => ((label - 1) % COLOURS) + 1;
export const dash = (label) => (label - 1) % DASHES.length;

// heat is 256 colours with their opacity, from nothing to where a word is: RGBA bytes, one after the other.
export const heat = ramp([
  [0, 20, 8, 60, 0],
  [0.25, 74, 20, 140, 0.34],
  [0.5, 205, 50, 90, 0.48],
  [0.75, 252, 140, 40, 0.56],
  [1, 255, 236, 120, 0.62],
]);

function ramp(stops) {
  const table = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) {
    const t = i / 255;
    const k = Math.max(0, stops.findLastIndex((s, j) => s[0] <= t && j < stops.length - 1));
    const [a, b] = [stops[k], stops[k + 1]];
    const part = (t - a[0]) / (b[0] - a[0]);
    for (let c = 0; c < 4; c++) table[4 * i + c] = (a[c + 1] + part * (b[c + 1] - a[c + 1])) * (c === 3 ? 255 : 1);
  }
  return table;
}
