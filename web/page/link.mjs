// The page's address carries a question behind its #, which browsers send to no server: sentence or classes, threshold, example.
import { state, set } from "./state.mjs";
import { setThreshold } from "./threshold.mjs";
import { example } from "./open.mjs";
import { write } from "./sentence.mjs";
import { ask } from "./ask.mjs";

const LONGEST = 8192; // units of a sentence that are taken over

// fragment is what is asked now, to be put behind an address.
export function fragment() {
  const it = new URLSearchParams();
  it.set("text", state.text);
  if (state.classes) it.set("classes", "1");
  it.set("threshold", (state.threshold / 100).toFixed(2));
  if (state.picture?.example) it.set("example", state.picture.example);
  return "#" + it;
}

// follow takes over what an address asks.
export async function follow() {
  const it = new URLSearchParams(location.hash.slice(1));
  const threshold = Number(it.get("threshold"));
  if (threshold > 0 && threshold <= 1) {
    state.linked = true; // which is more than what was remembered
    setThreshold(100 * threshold);
  }
  const text = it.get("text")?.slice(0, LONGEST);
  if (text) {
    set({ classes: it.get("classes") === "1" });
    write(text);
  }
  if (it.get("example")) await example(it.get("example"), (otherwise) => text || write(otherwise));
  else if (text) ask();
}
