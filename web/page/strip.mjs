// A folder, or many files: a strip of pictures that are asked the same, two at a time.
import { state, on, set, question, same } from "./state.mjs";
import { detectOnce } from "./api.mjs";
import { show } from "./open.mjs";
import { coco } from "./formats.mjs";
import { save, json } from "./download.mjs";
import { $, el, wait, mark } from "./dom.mjs";
import { many } from "./text.mjs";

const TOGETHER = 2; // requests under way
const ROUNDS = 3; // times that a refused one is asked again
const MOST = 2000; // files

let items = []; // {file, url, answer, question, failed, element}
let stop = null; // ends what is under way

const above = (answer) => answer.detections.filter((d) => d.score > state.threshold / 100);

function say(text) {
  $("stripsaid").textContent = text;
}

function summary() {
  const done = items.filter((i) => i.answer);
  const failed = items.filter((i) => i.failed).length;
  const boxes = done.reduce((n, i) => n + above(i.answer).length, 0);
  const parts = [many(items.length, "picture")];
  if (done.length) parts.push(`${done.length} asked, ${many(boxes, "box", "boxes")}`);
  if (failed) parts.push(`${failed} failed`);
  say(parts.join(" · "));
  $("together").hidden = !done.length;
}

function tell(item) {
  const n = item.answer ? above(item.answer).length : null;
  const badge = item.element.querySelector(".badge");
  badge.textContent = item.failed ? "!" : n === null ? (item.busy ? "…" : "") : String(n);
  const said = item.failed ?? (n === null ? (item.busy ? "under way" : "not asked") : many(n, "box", "boxes"));
  const button = item.element.querySelector("button");
  button.setAttribute("aria-label", `${item.file.name}, ${said}`);
  button.title = `${item.file.name}, ${said}`;
  mark(item.element, "failed", item.failed);
}

// fill makes a strip of files.
export function fill(files) {
  halt();
  for (const i of items) URL.revokeObjectURL(i.url);
  const taken = files.slice(0, MOST);
  items = taken.map((file) => {
    const url = URL.createObjectURL(file);
    const item = { file, url, answer: null, failed: null, busy: false };
    item.element = el("li", {}, el("button", { type: "button", click: () => show(file, file.name) },
      el("img", { src: url, alt: "", loading: "lazy", decoding: "async", error: (e) => e.target.remove() }), el("span", { class: "badge" })));
    tell(item);
    return item;
  });
  $("thumbs").replaceChildren(...items.map((i) => i.element));
  $("strip").hidden = !items.length;
  if (!items.length) return set({ trouble: "There is no picture in this folder." });
  if (files.length > MOST) set({ trouble: `The folder has ${files.length} pictures: the first ${MOST} are here.` });
  summary();
  show(items[0].file, items[0].file.name);
}

function halt() {
  stop?.abort();
  stop = null;
  $("halt").hidden = true;
  $("every").hidden = false;
}

async function one(item, asked, signal) {
  item.busy = true;
  item.failed = null;
  tell(item);
  try {
    for (let round = 1; ; round++) {
      try {
        item.answer = await detectOnce(item.file, asked, 2, signal);
        break;
      } catch (e) {
        signal.throwIfAborted();
        if (![429, 503].includes(e.status) || round > ROUNDS) throw e;
        await wait(1000 * (e.retry || 1), signal);
      }
    }
  } catch (e) {
    if (!signal.aborted) item.failed = e.message;
  }
  item.busy = false;
  tell(item);
  summary();
}

// every asks what is typed of all pictures that were not asked it yet.
async function every() {
  const asked = question();
  if (!asked) {
    $("sentence").focus();
    return say("Say first what to look for.");
  }
  stop = new AbortController();
  const mine = stop;
  $("halt").hidden = false;
  $("every").hidden = true;
  for (const i of items) {
    if (same(i.question, asked)) continue;
    Object.assign(i, { question: asked, answer: null });
    tell(i);
  }
  const left = items.filter((i) => !i.answer);
  const worker = async () => {
    while (left.length && !mine.signal.aborted) await one(left.shift(), asked, mine.signal);
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  if (stop === mine) halt();
}

// strip starts it.
export function strip() {
  $("every").addEventListener("click", every);
  $("halt").addEventListener("click", halt);
  $("away").addEventListener("click", () => {
    halt();
    items = [];
    $("strip").hidden = true;
  });
  $("together").addEventListener("click", () => {
    const done = items.filter((i) => i.answer);
    save("annotations.coco.json", json(coco(done.map((i) => ({ name: i.file.name, answer: i.answer, shown: above(i.answer) })))), "application/json");
  });
  on(["threshold"], () => items.length && (items.forEach(tell), summary()));
}
