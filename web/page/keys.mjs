// Keys that do something wherever the focus is, but in text fields; and the list of them.
import { state, set } from "./state.mjs";
import { setThreshold } from "./threshold.mjs";
import { pasteFromClipboard } from "./open.mjs";
import { cancel } from "./ask.mjs";
import { step } from "./detections.mjs";
import { unpin } from "./words.mjs";
import { $, el, kept } from "./dom.mjs";

const STEP = 5; // hundredths of the threshold

// keys starts them.
export function keys(stage) {
  const table = [
    ["/", "to the sentence", () => $("sentence").focus()],
    ["o", "choose a picture", () => $("file").click()],
    ["v", "paste a picture", pasteFromClipboard],
    ["[", "lower the threshold", () => setThreshold(state.threshold - STEP)],
    ["]", "raise the threshold", () => setThreshold(state.threshold + STEP)],
    ["h", "hide the boxes while it is held", () => set({ veiled: true })],
    ["w", "open or close the words", () => $("wordsopen").click()],
    ["+", "zoom in", () => stage.zoom(1.25)],
    ["-", "zoom out", () => stage.zoom(1 / 1.25)],
    ["0", "show the whole picture", () => stage.fit()],
    ["?", "this list", () => help()],
  ];
  const also = [
    ["↑ ↓", "through the detections", { ArrowUp: () => step(-1), ArrowDown: () => step(1) }],
    ["Enter", "ask; on a detection: show it closely"],
    ["Delete", "on a detection: take it away"],
    ["Esc", "end what is asked, put the map away, close"],
  ];
  const does = { "=": table.find((t) => t[0] === "+")[2], ...also[0][2] };
  for (const [key, , act] of table) does[key] = act;

  const on = $("letters");
  on.checked = kept.read("keys") !== "off";
  on.addEventListener("change", () => kept.write("keys", on.checked ? "on" : "off"));

  const help = () => $("keys").showModal();
  $("help").addEventListener("click", help);
  $("keysclose").addEventListener("click", () => $("keys").close());
  $("keylist").append(...[...table, ...also].flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]));

  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    const typing = e.target.matches?.("textarea, input:not([type=checkbox], [type=file])");
    if (e.key === "Escape") {
      if (state.work) cancel();
      else if (state.word) unpin();
      else if (state.trouble) set({ trouble: "" });
      else if (typing) e.target.blur();
      return;
    }
    if (typing || !on.checked || !(e.key in does)) return;
    if (does[e.key]() !== false) e.preventDefault();
  });
  const unveil = (e) => (e.type === "blur" || e.key === "h") && state.veiled && set({ veiled: false });
  document.addEventListener("keyup", unveil);
  window.addEventListener("blur", unveil);
}
