// The picture with its boxes as a file: PNG at full size, SVG with the picture in it.
import { colour, dash, DASHES } from "./colours.mjs";
import { percent } from "./text.mjs";
import { svg } from "./dom.mjs";

// palette is the page's colours, as they are now: of a line, and of letters upon it.
function palette(label) {
  const style = getComputedStyle(document.documentElement);
  return { line: style.getPropertyValue("--c" + colour(label)).trim(), ink: style.getPropertyValue("--t" + colour(label)).trim() };
}

// marks are the boxes of a picture in lengths of its own pixels: frames, and tags with their text.
function marks(picture, detections, measure) {
  const unit = Math.max(1, Math.max(picture.width, picture.height) / 800); // what a pixel of the screen is here
  return detections.map((d) => {
    const [x1, y1, x2, y2] = d.box;
    const text = `${d.phrase} ${percent(d.score)}`;
    const tall = 18 * unit;
    const wide = measure(text, 12 * unit) + 12 * unit;
    return {
      ...palette(d.label), unit, text, frame: [x1, y1, x2 - x1, y2 - y1],
      dashes: DASHES[dash(d.label)].split(" ").filter(Boolean).map((n) => n * unit),
      tag: [Math.max(0, Math.min(x1 - unit, picture.width - wide)), y1 >= tall ? y1 - tall : y1, wide, tall],
    };
  });
}

// measure is the width of a text in letters of a size.
function measure(text, size) {
  const paper = new OffscreenCanvas(1, 1).getContext("2d");
  paper.font = `600 ${size}px system-ui, sans-serif`;
  return paper.measureText(text).width;
}

// png draws it, and promises a blob.
export async function png(picture, detections) {
  const image = new Image();
  image.src = picture.url;
  await image.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const paper = canvas.getContext("2d");
  paper.drawImage(image, 0, 0);
  for (const m of marks(picture, detections, measure)) {
    paper.setLineDash([]);
    paper.globalAlpha = 0.7;
    paper.strokeStyle = m.ink;
    paper.lineWidth = 4 * m.unit;
    paper.strokeRect(...m.frame);
    paper.globalAlpha = 1;
    paper.setLineDash(m.dashes);
    paper.strokeStyle = m.line;
    paper.lineWidth = 2.5 * m.unit;
    paper.strokeRect(...m.frame);
    paper.fillStyle = m.line;
    paper.fillRect(...m.tag);
    paper.fillStyle = m.ink;
    paper.font = `600 ${12 * m.unit}px system-ui, sans-serif`;
    paper.fillText(m.text, m.tag[0] + 6 * m.unit, m.tag[1] + 13 * m.unit);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

// drawing draws it as SVG, and promises its text.
export async function drawing(picture, detections) {
  const data = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(picture.blob);
  });
  const { width, height } = picture;
  const rect = ([x, y, w, h], rest) => svg("rect", { x, y, width: w, height: h, ...rest });
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("image", { href: data, width, height }),
    ...marks(picture, detections, measure).map((m) => svg("g", {},
      svg("title", {}, m.text),
      rect(m.frame, { fill: "none", stroke: m.ink, "stroke-opacity": 0.7, "stroke-width": 4 * m.unit }),
      rect(m.frame, { fill: "none", stroke: m.line, "stroke-width": 2.5 * m.unit, "stroke-dasharray": m.dashes.length ? m.dashes.join(" ") : null }),
      rect(m.tag, { fill: m.line }),
      svg("text", { x: m.tag[0] + 6 * m.unit, y: m.tag[1] + 13 * m.unit, fill: m.ink, "font-family": "sans-serif", "font-weight": 600, "font-size": 12 * m.unit }, m.text))));
  return new XMLSerializer().serializeToString(root);
}
