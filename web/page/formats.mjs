// What was found, in the formats that it is saved in. Each is a pure function of the answer.
import { fields } from "./api.mjs";

// coco writes pictures, {name, answer, shown}, as COCO's annotations. Corners of boxes are inclusive, so a box from 3 to 5 is 3 wide.
export function coco(pictures) {
  const names = [...new Set(pictures.flatMap((p) => p.answer.phrases.map((q) => q.phrase)))];
  const annotations = [];
  pictures.forEach((p, i) => {
    for (const d of p.shown) {
      const [x1, y1, x2, y2] = d.box;
      const [w, h] = [x2 - x1 + 1, y2 - y1 + 1];
      annotations.push({
        id: annotations.length + 1, image_id: i + 1, category_id: names.indexOf(d.phrase) + 1,
        bbox: [x1, y1, w, h], area: w * h, iscrowd: 0, score: d.score,
      });
    }
  });
  return {
    images: pictures.map((p, i) => ({ id: i + 1, file_name: p.name, width: p.answer.width, height: p.answer.height })),
    annotations,
    categories: names.map((name, i) => ({ id: i + 1, name })),
  };
}

// answered is the answer as /v1/detect gave it, with the detections that are shown.
export function answered(answer, shown) {
  const { question, name, ...told } = answer;
  return { ...told, detections: shown.map(({ index, ...d }) => d) };
}

// quoted is a word of a shell.
const quoted = (s) => "'" + s.replaceAll("'", "'\\''") + "'";

// curl is the question as a command. A value that curl would take for a file, or cut at a semicolon, goes by another flag.
export function curl(base, name, question, threshold, token) {
  const parts = fields(question).map(([field, value]) => (/^[@<]|;/.test(value) ? "--form-string " : "-F ") + quoted(`${field}=${value}`));
  const file = /[;,"]/.test(name) ? `image=@"${name.replace(/["\\]/g, "\\$&")}"` : `image=@${name}`;
  return ["curl", token ? '-H "Authorization: Bearer $GLIP_TOKEN"' : "", "-F " + quoted(file), ...parts, "-F threshold=" + threshold.toFixed(2), quoted(base + "/v1/detect")].filter(Boolean).join(" ");
}

// stem is a file's name without its ending.
export const stem = (name) => name.replace(/\.[^.]*$/, "") || "picture";
