// A second sentence about the same picture, side by side, with what differs.
import { state, on, set, shown } from "./state.mjs";
import { detect } from "./api.mjs";
import { ofKept } from "./ask.mjs";
import { Stage } from "./stage.mjs";
import { match } from "./match.mjs";
import { $, el, wait, mark } from "./dom.mjs";
import { many } from "./text.mjs";

const IDLE = 300; // milliseconds after the last key

// difference says in words what became of a box; null where nothing did.
export function difference([a, b]) {
  if (!b) return ["first", `${a.phrase} ${a.score.toFixed(2)}: above only`];
  if (!a) return ["second", `${b.phrase} ${b.score.toFixed(2)}: here only`];
  const by = b.score - a.score;
  if (a.phrase === b.phrase && Math.abs(by) < 0.005) return ["both", `${a.phrase}: ${a.score.toFixed(2)} in both`];
  const named = a.phrase === b.phrase ? a.phrase : `${a.phrase} → ${b.phrase}`;
  return ["both", `${named}: ${a.score.toFixed(2)} → ${b.score.toFixed(2)} (${by < 0 ? "−" : "+"}${Math.abs(by).toFixed(2)})`];
}

// compare starts it; follow gives the first stage the view that was chosen in the second.
export function compare(follow) {
  const field = $("rival");
  const stage = new Stage($("second"), "Second view", (view, whole, own) => own && follow(view, whole));
  let open = false;
  let stop = new AbortController();
  let other = null; // the answer to the second sentence

  // A phrase that both sentences have looks the same in both; others look like none of the first.
  const alike = (d) => {
    const first = state.answer?.phrases ?? [];
    return first.find((p) => p.phrase === d.phrase)?.label ?? first.length + d.label;
  };

  const render = () => {
    const others = (other?.detections ?? []).map((d, index) => ({ ...d, index, label: alike(d) })).filter((d) => d.score > state.threshold / 100);
    stage.show(others, "data-other");
    const pairs = other && state.answer ? match(shown(), others) : [];
    $("differences").replaceChildren(...pairs.map(difference).map(([of, text]) => el("li", { "data-of": of }, text)));
    if (!other || !state.answer) return;
    const only = (i) => pairs.filter((p) => p[i] && !p[1 - i]).length;
    const both = pairs.filter((p) => p[0] && p[1]).length;
    $("othersaid").textContent = `${many(both, "box", "boxes")} in both, ${only(0)} only above, ${only(1)} only here.`;
  };

  const askOther = async (pause) => {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const text = field.value;
    const { picture } = state;
    if (!open || !picture || !text.trim()) {
      other = null;
      $("othersaid").textContent = picture ? "Say what else to look for." : "Choose a picture first.";
      return render();
    }
    mark($("second"), "working", true);
    try {
      await wait(pause, signal);
      other = await ofKept(picture, signal, (id) => detect(id, state.classes ? { classes: text.split("\n").map((l) => l.trim()).filter(Boolean) } : { text, spans: [] }, signal));
      signal.throwIfAborted();
      render();
    } catch (e) {
      if (!signal.aborted) $("othersaid").textContent = e.message;
    } finally {
      if (!signal.aborted) mark($("second"), "working", false);
    }
  };

  const toggle = (is) => {
    open = is;
    $("compare").setAttribute("aria-expanded", open);
    $("other").hidden = !open;
    mark($("stages"), "both", open && state.picture);
    stage.open(open ? state.picture : null);
    if (open) field.focus();
    askOther(0);
  };
  $("compare").addEventListener("click", () => toggle(!open));
  field.addEventListener("input", () => askOther(IDLE));
  field.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.shiftKey || state.classes) return;
    e.preventDefault();
    askOther(0);
  });
  on(["picture"], () => {
    if (!open) return;
    other = null;
    mark($("stages"), "both", state.picture);
    stage.open(state.picture);
    askOther(0);
  });
  on(["answer", "threshold", "hidden", "dropped"], () => open && render());
  return stage;
}
