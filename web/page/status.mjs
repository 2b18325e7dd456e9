// What the page is doing, in one line that screen readers speak, with what can be done about it; and errors.
import { state, on, set, shown, named } from "./state.mjs";
import { ask, cancel, tryNow } from "./ask.mjs";
import { $, el } from "./dom.mjs";
import { many, seconds } from "./text.mjs";

const ABSENT = {
  offline: "The server does not answer. Trying again…",
  draining: "The server is being stopped. Waiting for another…",
  device_lost: "The server lost its device, and opens it again…",
};
const LONG = 10; // seconds of work after which an estimate is given

let timer = 0;

const button = (text, click) => el("button", { type: "button", class: "quiet", click }, text);

// estimate is what a question may still take, in words, or "".
function estimate(elapsed) {
  const { answer } = state;
  const queue = state.info?.queue;
  const left = Math.round(queue?.seconds || (answer?.timing?.total ?? 0) - elapsed);
  if (elapsed < LONG || !(queue || answer)) return "";
  return left > 1 ? `, about ${left} s more` : ", any moment now";
}

function working({ kind, since, until, round }) {
  const elapsed = (Date.now() - since) / 1000;
  if (kind === "waiting") {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    return [`Server busy: again in ${left} s (${round} of 3)…`, [button("Try now", tryNow), button("Cancel", cancel)]];
  }
  if (kind === "loading") return ["The server is not ready. Waiting for it…", [button("Cancel", cancel)]];
  if (kind === "offline") return ["The server does not answer. Waiting for it…", [button("Cancel", cancel)]];
  const before = state.info?.queue?.waiting;
  const place = elapsed > 2 && before ? `, ${before} before it` : "";
  const time = elapsed < 2 ? "" : ` for ${Math.floor(elapsed)} s`;
  return [`Working${time}${place}${estimate(elapsed)}…`, elapsed > 0.5 ? [button("Cancel", cancel)] : []];
}

function found() {
  const list = shown();
  const phrases = new Set(list.map((d) => d.label)).size;
  const total = state.answer.timing?.total;
  const time = total === undefined ? "" : ` in ${seconds(total)}`;
  if (!list.length) return `No box above ${(state.threshold / 100).toFixed(2)}${time}`;
  return `${many(list.length, "box", "boxes")} for ${many(phrases, "phrase")}${time}`;
}

function words() {
  const { server, picture, answer, work, progress, live } = state;
  if (live) return ["The camera runs.", []];
  if (work) return working(work);
  if (server === "starting") return [progress === null ? "Loading the model…" : `Loading the model, ${Math.round(100 * progress)} %…`, []];
  if (server !== "ready") return [ABSENT[server] ?? "The server is not ready. Waiting for it…", []];
  if (answer) return [found(), []];
  if (!picture) return [state.text.trim() ? "Now choose a picture." : "Choose a picture, and say what to look for.", []];
  return [state.text.trim() && named() ? "Press Enter to look." : "Say what to look for.", []];
}

function render() {
  const [text, acts] = words();
  // A countdown is for the eyes: what is spoken stays as it was, but for its numbers.
  const line = $("status");
  if (line.textContent !== text) line.textContent = text;
  line.setAttribute("aria-live", line.dataset.kind === (state.work?.kind ?? "") && state.work ? "off" : "polite");
  line.dataset.kind = state.work?.kind ?? "";
  $("progress").hidden = state.server !== "starting";
  if (state.progress === null) $("progress").removeAttribute("value");
  else $("progress").value = state.progress;
  const held = $("acts").contains(document.activeElement);
  const same = [...$("acts").children].map((b) => b.textContent).join() === acts.map((b) => b.textContent).join();
  if (!same) {
    $("acts").replaceChildren(...acts);
    if (held) (acts[0] ?? $("sentence")).focus();
  }
  clearInterval(timer);
  if (state.work) timer = setInterval(render, 250);
}

function alert() {
  const { trouble } = state;
  $("alerts").replaceChildren(...(trouble ? [el("div", { class: "alert" },
    el("p", { role: "alert" }, trouble),
    trouble === state.failed ? button("Ask again", ask) : null,
    button("Close", () => set({ trouble: "" })))] : []));
}

// status starts the line.
export function status() {
  on(["server", "progress", "picture", "answer", "work", "text", "tokens", "threshold", "hidden", "dropped", "live", "info"], render);
  on(["trouble"], alert);
  render();
}
