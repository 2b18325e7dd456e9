// Where the time of an answer went. What the server remembered is hatched.
import { state, on } from "./state.mjs";
import { $, el } from "./dom.mjs";
import { seconds } from "./text.mjs";

const STAGES = ["queue", "decode", "picture", "caption", "grounding"];
const LEAST = 1.5; // per cent of the bar for what took next to nothing

// parts are the stages of a timing: name, seconds, whether it was remembered, and its share of the bar in per cent.
export function parts(timing) {
  const known = new Set(timing.known ?? []);
  const list = STAGES.map((name) => ({
    name,
    seconds: timing[name] ?? 0,
    known: known.has(name) || (known.has("whole") && name !== "queue" && name !== "decode"),
  }));
  const sum = list.reduce((s, p) => s + p.seconds, 0) || 1;
  const raw = list.map((p) => Math.max(p.known ? 4 : LEAST, (100 * p.seconds) / sum));
  const whole = raw.reduce((s, r) => s + r, 0);
  return list.map((p, i) => ({ ...p, share: (100 * raw[i]) / whole }));
}

// timing starts the bar.
export function timing() {
  on(["answer"], () => {
    const told = state.answer?.timing;
    $("timing").hidden = !told;
    if (!told) return;
    const list = parts(told);
    $("bar").replaceChildren(...list.map((p) => {
      const i = el("i", { class: p.name, "data-known": p.known ? "true" : null });
      i.style.width = p.share + "%";
      return i;
    }));
    $("legend").replaceChildren(
      ...list.map((p) => el("li", {}, el("i", { class: p.name, "data-known": p.known ? "true" : null }), p.name + " ", el("b", {}, p.known ? "remembered" : seconds(p.seconds)))),
      el("li", { class: "total" }, "in all ", el("b", {}, seconds(told.total ?? 0)), told.batch > 1 ? `, in a batch of ${told.batch}` : null),
    );
  });
  on(["info"], () => {
    const { info } = state;
    if (!info) return;
    $("model").textContent = [info.model, info.device, info.precision].filter(Boolean).join(" · ");
    $("device").textContent = info.device ?? "";
    $("device").title = info.fallback ?? "";
    $("madeup").hidden = !info.made_up;
  });
}
