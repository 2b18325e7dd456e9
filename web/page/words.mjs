// Where the picture answers to each word: a small map for each, and one of them over the picture.
import { state, on, set, question } from "./state.mjs";
import { align } from "./api.mjs";
import { ofKept } from "./ask.mjs";
import { latest } from "./latest.mjs";
import { heat } from "./colours.mjs";
import { $, el, kept } from "./dom.mjs";

const FULL = 0.25; // a map whose peak is lower does not reach the ramp's end
const PAUSE = 150; // milliseconds from a key to its map

let stop = new AbortController();
let open = kept.read("words") !== "closed";
let pinned = null; // text and place of the word that stays

// decode takes an answer of /v1/align apart: words with their maps, {text, begin, end, peak, values}. Pieces of words
// that are also given joined are left out, and so are signs.
export function decode(answer) {
  const each = answer.grid.height * answer.grid.width;
  const split = (tokens, maps) => {
    const values = Uint8Array.from(atob(maps), (c) => c.charCodeAt(0));
    if (values.length !== tokens.length * each) throw new Error("The server's maps do not have the size that it says.");
    return tokens.map((t, i) => ({ ...t, values: values.subarray(i * each, (i + 1) * each) }));
  };
  const all = [...split(answer.tokens, answer.maps), ...split(answer.words ?? [], answer.word_maps ?? "")].sort((a, b) => a.begin - b.begin);
  const inside = (a, b) => b.begin <= a.begin && a.end <= b.end && b.end - b.begin > a.end - a.begin;
  return all.filter((t) => t.end > t.begin && /[\p{L}\p{N}]/u.test(t.text) && !all.some((other) => inside(t, other)));
}

// draw paints a word's map into a canvas of the grid's size.
export function draw(canvas, word, grid) {
  canvas.width = grid.width;
  canvas.height = grid.height;
  const paper = canvas.getContext("2d");
  const image = paper.createImageData(grid.width, grid.height);
  const most = 255 * Math.max(word.peak, FULL);
  word.values.forEach((v, i) => {
    const level = 4 * Math.min(255, Math.round((255 * v) / most));
    image.data.set(heat.subarray(level, level + 4), 4 * i);
  });
  paper.putImageData(image, 0, 0);
}

// load asks for the maps of a question about the picture that is shown.
async function load(asked) {
  const { picture } = state;
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  try {
    const answer = await ofKept(picture, signal, (id) => align(id, asked, signal));
    signal.throwIfAborted();
    const words = decode(answer);
    set({ maps: { grid: answer.grid, words }, word: words.find((w) => pinned && w.text === pinned.text && w.begin === pinned.begin) ?? null });
    $("wordssaid").hidden = false;
  } catch (e) {
    if (signal.aborted) return;
    set({ maps: null, word: null });
    $("maps").replaceChildren(el("li", { class: "soft" }, "No maps: " + e.message));
  }
}

function render() {
  const { maps, picture } = state;
  if (picture) $("maps").style.setProperty("--ratio", Math.max(0.5, picture.width / picture.height));
  $("maps").replaceChildren(...(maps?.words ?? []).map((word) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    draw(canvas, word, maps.grid);
    const is = pinned?.text === word.text && pinned.begin === word.begin;
    const back = picture ? el("img", { src: picture.url, alt: "" }) : null;
    return el("li", {},
      el("button", {
        type: "button",
        "aria-pressed": String(is),
        pointerenter: () => set({ word }),
        pointerleave: () => set({ word: find(pinned) }),
        focus: () => set({ word }),
        blur: () => set({ word: find(pinned) }),
        click: (e) => {
          pinned = e.currentTarget.getAttribute("aria-pressed") === "true" ? null : word;
          for (const b of $("maps").querySelectorAll("button")) b.setAttribute("aria-pressed", pinned !== null && b === e.currentTarget);
          set({ word: pinned ?? word });
        },
      },
      el("span", { class: "map" }, back, canvas),
      el("span", { class: "word" }, word.text),
      el("span", { class: "peak" }, Math.round(100 * word.peak) + " %")));
  }));
}

const find = (word) => (word && state.maps?.words.find((w) => w.text === word.text && w.begin === word.begin)) || null;

// words starts the panel.
export function words() {
  const reveal = () => {
    $("wordsopen").setAttribute("aria-expanded", open);
    $("wordsin").hidden = !open;
    kept.write("words", open ? "open" : "closed");
    if (!open) set({ word: null });
    else if (state.answer && !state.maps && !state.work) load(state.answer.question);
  };
  $("wordsopen").addEventListener("click", () => ((open = !open), reveal()));
  reveal();
  const live = latest(async () => {
    const asked = question();
    if (open && $("typing").checked && asked && state.picture && !state.live) await load(asked);
  }, PAUSE);
  on(["text"], live);
  on(["work"], () => state.work && !$("typing").checked && stop.abort());
  on(["picture"], () => (pinned = null));
  on(["answer", "live"], () => ($("words").hidden = !state.answer || state.live));
  on(["answer"], () => {
    if (state.answer && open && !state.live) load(state.answer.question);
  });
  on(["maps"], render);
}

// unpin takes the map away that was kept over the picture.
export function unpin() {
  pinned = null;
  for (const b of $("maps").querySelectorAll("button")) b.setAttribute("aria-pressed", "false");
  set({ word: null });
}
