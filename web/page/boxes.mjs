// Boxes over a picture: an element each, which can be pointed at, focused and named.
import { colour, dash } from "./colours.mjs";
import { svg, mark } from "./dom.mjs";
import { percent } from "./text.mjs";

const CROWD = 14; // more boxes than these show their names only when they are lit
const TALL = 19; // pixels, of a tag
const LEAST = 30; // likewise, of a box that is seen and keeps its tag in the window
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

// drawBoxes puts detections into a drawing over a picture. data is the attribute with their place in the answer.
export function drawBoxes(root, detections, data = "data-box") {
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
    svg("g", { class: "tag", transform: `translate(${x1} ${y1})`, "aria-hidden": "true", "data-place": [...d.box, wide].join() },
      svg("g", {},
        svg("rect", { x: -1, y: -TALL, width: wide, height: TALL, rx: 3 }),
        svg("text", { x: 5, y: -5.5 }, text))));
  }));
}

// placeTags moves the tags so that they stay in the window, beside their boxes or in them.
export function placeTags(root, view, frame) {
  for (const tag of root.querySelectorAll(".tag")) {
    const [x1, y1, x2, y2, wide] = tag.dataset.place.split(",").map(Number);
    const [left, top] = [view.x + x1 * view.scale, view.y + y1 * view.scale];
    const room = Math.max(0, (x2 - x1) * view.scale - Math.min(wide, LEAST));
    const dx = left < 0 ? Math.min(-left, room) : Math.min(0, Math.max(-left, frame.width - left - wide));
    const dy = top >= TALL ? 0 : Math.min(Math.max(TALL, TALL - top), Math.max(TALL, (y2 - y1) * view.scale));
    tag.firstChild.style.transform = `scale(${1 / view.scale}) translate(${dx}px, ${dy}px)`;
  }
}
