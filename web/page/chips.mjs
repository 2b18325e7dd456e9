// A chip for each phrase: a click hides its boxes, a click with Alt shows them alone, a double click edits its words.
import { state, on, set, above, light } from "./state.mjs";
import { edit } from "./sentence.mjs";
import { colour, dash } from "./colours.mjs";
import { $, el, svg, mark } from "./dom.mjs";
import { percent } from "./text.mjs";

// sample is a piece of a phrase's line.
export const sample = (label) => svg("svg", { class: "sample", viewBox: "0 0 26 8", "aria-hidden": "true", "data-colour": colour(label), "data-dash": dash(label) }, svg("line", { x1: 1, y1: 4, x2: 25, y2: 4 }));

const SILENT = "None of the words that the model knows stands for it, so nothing can be found.";

function toggle(label, alone) {
  const all = state.answer.phrases.map((p) => p.label);
  let hidden = new Set(state.hidden);
  if (alone) {
    const only = !hidden.has(label) && all.every((l) => l === label || hidden.has(l));
    hidden = new Set(only ? [] : all.filter((l) => l !== label));
  } else if (!hidden.delete(label)) {
    hidden.add(label);
  }
  set({ hidden });
}

function chip(p) {
  const boxes = above(state.threshold / 100).filter((d) => d.label === p.label);
  const best = state.answer.detections.find((d) => d.label === p.label);
  const said = p.silent ? ["unknown words"] : best ? [`${boxes.length} · `, el("span", { class: "unseen" }, "best "), percent(best.score)] : ["none"];
  return el("li", {},
    el("button", {
      type: "button", class: "chip", "data-label": p.label, "data-silent": p.silent ? "true" : null, "aria-pressed": String(!state.hidden.has(p.label)),
      title: p.silent ? SILENT : "Click hides, Alt and click shows alone, double click edits",
      click: (e) => toggle(p.label, e.altKey),
      dblclick: () => edit(p.label),
      keydown: (e) => {
        if (e.key === "F2") edit(p.label);
        if (e.key === "Enter" && e.altKey) e.preventDefault(), toggle(p.label, true);
      },
      pointerenter: () => light(p.label),
      pointerleave: () => light(null),
      focus: () => light(p.label),
      blur: () => light(null),
    },
    sample(p.label), el("span", { class: "phrase" }, p.phrase), el("span", { class: "count" }, ...said)),
    p.silent ? el("span", { class: "why" }, SILENT) : null);
}

// chips starts the row.
export function chips() {
  const list = $("chips");
  on(["answer", "threshold", "hidden", "dropped"], (keys) => {
    const at = list.contains(document.activeElement) ? document.activeElement.dataset.label : null;
    list.replaceChildren(...(state.answer?.phrases ?? []).map(chip));
    if (at && !keys.includes("answer")) list.querySelector(`[data-label="${at}"]`)?.focus();
  });
  on(["lit"], () => {
    for (const c of list.querySelectorAll(".chip")) mark(c, "lit", state.lit?.label === Number(c.dataset.label));
  });
}
