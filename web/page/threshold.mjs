// The threshold: a slider over the histogram of the scores. It chooses among what was found, and asks nothing.
import { state, on, set } from "./state.mjs";
import { $, svg, kept } from "./dom.mjs";
import { many } from "./text.mjs";

const LEAST = 5; // hundredths
const BAR = 2; // hundredths that a bar spans

const memory = () => "threshold." + (state.info?.model ?? "");

// setThreshold chooses one, in hundredths, and remembers it for the model.
export function setThreshold(value) {
  const threshold = Math.max(LEAST, Math.min(100, Math.round(value)));
  if (threshold !== state.threshold) set({ threshold });
  kept.write(memory(), String(threshold));
}

// bars are how many scores lie in each part of the scale, from LEAST on.
export function bars(scores) {
  const counts = new Array(Math.ceil((100 - LEAST) / BAR)).fill(0);
  for (const s of scores) {
    const at = Math.floor((100 * s - LEAST) / BAR);
    if (at >= 0) counts[Math.min(at, counts.length - 1)]++;
  }
  return counts;
}

function histogram() {
  const counts = bars((state.answer?.detections ?? []).map((d) => d.score));
  const most = Math.max(1, ...counts);
  $("histogram").replaceChildren(...counts.map((n, i) => {
    const height = n && Math.max(2, 24 * Math.sqrt(n / most));
    const begin = LEAST + BAR * i;
    return svg("rect", { x: BAR * i + 0.2, y: 24 - height, width: BAR - 0.4, height, "data-in": begin + BAR > state.threshold ? "true" : null });
  }));
}

// threshold starts the slider.
export function threshold() {
  const slider = $("threshold");
  let model = null; // for which the threshold was remembered
  slider.addEventListener("input", () => setThreshold(slider.valueAsNumber));
  on(["threshold", "answer"], () => {
    slider.value = state.threshold;
    const value = (state.threshold / 100).toFixed(2);
    $("value").textContent = value;
    slider.setAttribute("aria-valuetext", `${value}, ${many(state.answer?.detections.filter((d) => d.score > state.threshold / 100).length ?? 0, "box", "boxes")} above`);
  });
  on(["answer", "threshold"], histogram);
  on(["answer"], () => ($("thresholds").hidden = !state.answer));
  on(["info"], () => {
    if (!state.info || model === state.info.model) return;
    model = state.info.model;
    const remembered = Number(kept.read(memory()));
    const told = Math.round(100 * (state.info.defaults?.threshold ?? 0.3));
    if (!state.linked) set({ threshold: remembered >= LEAST && remembered <= 100 ? remembered : Math.max(LEAST, told) });
  });
  set({ threshold: state.threshold });
}
