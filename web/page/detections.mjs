// The list of detections, by score. What is pointed at here is lit in the picture and in the sentence, and the other way round.
import { state, on, set, shown, light, isLit } from "./state.mjs";
import { setThreshold } from "./threshold.mjs";
import { sample } from "./chips.mjs";
import { $, el, mark, arrows } from "./dom.mjs";
import { percent, many } from "./text.mjs";

const size = ([x1, y1, x2, y2]) => `${Math.round(x2 - x1 + 1)} × ${Math.round(y2 - y1 + 1)}`;

function row(d, stage, first) {
  return el("li", {},
    el("button", {
      type: "button", class: "row", "data-index": d.index, "data-label": d.label, tabindex: first ? 0 : -1,
      click: () => stage.toBox(d.box),
      keydown: (e) => {
        if (e.key === "Delete" || e.key === "Backspace") e.preventDefault(), drop(d.index);
      },
      pointerenter: () => light(d.label, d.index),
      pointerleave: () => light(null),
      focus: () => light(d.label, d.index),
      blur: () => light(null),
    },
    sample(d.label), el("span", { class: "phrase" }, d.phrase), el("span", { class: "score" }, percent(d.score)), el("span", { class: "size" }, size(d.box))),
    el("button", { type: "button", class: "drop quiet", tabindex: -1, "aria-label": `Hide ${d.phrase}, ${percent(d.score)}`, click: () => drop(d.index) }, "×"));
}

function drop(index) {
  const rows = [...$("detections").querySelectorAll(".row")];
  const at = rows.findIndex((r) => Number(r.dataset.index) === index);
  const held = $("detections").contains(document.activeElement);
  set({ dropped: new Set(state.dropped).add(index), lit: null });
  if (held) [...$("detections").querySelectorAll(".row")].at(Math.min(at, rows.length - 2))?.focus();
}

// nothing says that no box is shown, and what would show one.
function nothing() {
  const { answer, hidden, threshold } = state;
  const best = answer.detections.find((d) => !state.dropped.has(d.index) && !hidden.has(d.label));
  if (!answer.detections.length) return ["Nothing found: no box above 0.05. Try other words, or another picture."];
  if (!best) return [`No box: all of them are hidden.`];
  const at = Math.floor(100 * best.score - 1e-9);
  const lower = el("button", { type: "button", click: () => (setThreshold(at), $("threshold").focus()) }, `Set it to ${(Math.max(5, at) / 100).toFixed(2)}`);
  return [`No box above ${(threshold / 100).toFixed(2)}. Best: ${best.phrase} ${best.score.toFixed(2)} `, lower];
}

// detections starts the list; a click on a row shows its box in the stage.
export function detections(stage) {
  const list = $("detections");
  arrows(list, ".row");
  on(["answer", "threshold", "hidden", "dropped"], () => {
    const all = shown();
    $("results").hidden = !state.answer;
    list.replaceChildren(...all.map((d, i) => row(d, stage, i === 0)));
    list.hidden = !all.length;
    $("nothing").hidden = !state.answer || all.length > 0;
    if (state.answer && !all.length) $("nothing").replaceChildren(...nothing());
    const away = state.dropped.size;
    $("restore").hidden = !away;
    $("restore").textContent = `Show ${many(away, "hidden box", "hidden boxes")} again`;
    paint();
  });
  const paint = () => {
    for (const r of list.querySelectorAll(".row")) mark(r, "lit", isLit({ label: +r.dataset.label, index: +r.dataset.index }));
  };
  on(["lit"], () => {
    paint();
    if (state.lit?.box != null && !list.matches(":hover, :focus-within")) reveal(list.querySelector(".row[data-lit]"));
  });
  $("restore").addEventListener("click", () => set({ dropped: new Set() }));
}

// reveal scrolls the list, and nothing else, to a row.
function reveal(row) {
  if (!row) return;
  const list = $("detections");
  const [r, l] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  if (r.top < l.top) list.scrollTop -= l.top - r.top;
  else if (r.bottom > l.bottom) list.scrollTop += r.bottom - l.bottom;
}

// step moves through the list from wherever the focus is; false where there is none.
export function step(by) {
  const rows = [...$("detections").querySelectorAll(".row")];
  if (!rows.length) return false;
  const at = rows.findIndex((r) => r.getAttribute("tabindex") === "0");
  const held = $("detections").contains(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, held ? at + by : at))].focus();
}
