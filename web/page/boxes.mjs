// Boxes over a picture: an element each, which can be pointed at, focused and named.
import { colour, dash } from "./colours.mjs";
import { svg, mark } from "./dom.mjs";
import { percent } from "./text.mjs";

const CROWD = 14; // more boxes than these show their names only when they are lit
const LETTER = 6.7; // pixels, about, of a letter of a tag
let paper = null;

// width is that of a tag's text, in pixels.
export function width(text) {
  paper ??= new OffscreenCanvas(1, 1).getContext("2d");
  paper.font = '600 12px system-ui, sans-serif';
  return paper.measureText(text).width || LETTER * text.length;
}

// name is what a box is called.
export const name = (d) => `${d.phrase}, ${percent(d.score)}`;

// drawBoxes puts detections over a picture of a size. data is the attribute with their place in the answer.
export function drawBoxes(root, detections, size, data = "data-box") {
  const area = (d) => (d.box[2] - d.box[0]) * (d.box[3] - d.box[1]);
  mark(root, "crowd", detections.length > CROWD);
  // The large ones first: what lies in them can still be pointed at.
  root.replaceChildren(...[...detections].sort((a, b) => area(b) - area(a)).map((d, i) => {
    const [x1, y1, x2, y2] = d.box;
    const frame = { x: x1, y: y1, width: Math.max(x2 - x1, 0.5), height: Math.max(y2 - y1, 0.5) };
    const text = `${d.phrase} ${percent(d.score)}`;
    const wide = width(text) + 12;
    return svg("g", {
      [data]: d.index, "data-label": d.label, "data-colour": colour(d.label), "data-dash": dash(d.label),
      role: "img", "aria-label": name(d), tabindex: i ? -1 : 0,
    },
    svg("rect", { class: "halo", ...frame }),
    svg("rect", { class: "line", ...frame }),
    svg("g", { class: "tag", transform: `translate(${x1} ${y1})`, "aria-hidden": "true" },
      svg("g", { class: y1 < size.height * 0.04 ? "in" : "over" },
        svg("rect", { x: -1, y: -19, width: wide, height: 19, rx: 3 }),
        svg("text", { x: 5, y: -5.5 }, text))));
  }));
}
