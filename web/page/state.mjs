// What the page knows. Views read it, and are told when what they name has changed.

export const state = {
  info: null, // of /v1/info
  server: "starting", // or "ready", "draining", "device_lost", "offline"
  progress: null, // of loading, 0 to 1
  picture: null, // {name, blob, url, width, height, example}
  text: "", // of the sentence, as it is typed
  classes: false, // whether its lines are classes
  spans: [], // that were marked in it, [begin, end) in UTF-16 units
  tokens: null, // of /v1/tokens, with the text that it is of
  work: null, // {kind: "working" | "waiting" | "offline", since, until, round}
  trouble: "", // the sentence of an error
  failed: "", // the same, if it is of a question, which may be asked again
  answer: null, // of /v1/detect, with its question
  threshold: 30, // in hundredths
  hidden: new Set(), // labels whose boxes are not shown
  dropped: new Set(), // detections that were taken away, by their place in the answer
  lit: null, // {label, box}: box is null where all of the label are meant
  veiled: false, // whether all boxes are hidden for a moment
  maps: null, // of /v1/align, of the answer
  word: null, // whose map is over the picture
  live: false, // whether the camera runs
};

const listeners = [];

// on calls f whenever one of these has changed.
export function on(keys, f) {
  listeners.push([keys, f]);
}

// set changes what the page knows.
export function set(change) {
  Object.assign(state, change);
  const keys = Object.keys(change);
  for (const [wanted, f] of listeners) if (wanted.some((k) => keys.includes(k))) f(keys);
}

// question is what is asked now: {text, spans} or {classes}; null where there is nothing to ask.
export function question() {
  const text = state.text.trim();
  if (!text) return null;
  if (state.classes) return { classes: text.split("\n").map((l) => l.trim()).filter(Boolean) };
  return { text: state.text, spans: state.spans };
}

// named says whether there is something to look for, as far as the server has said.
export function named() {
  const { tokens, text, classes, spans } = state;
  return classes || spans.length > 0 || tokens?.text !== text || tokens.phrases.length > 0;
}

// same says whether two questions are equal.
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// shown are the detections that the page shows, by falling score, with their places in the answer.
export function shown() {
  return above(state.threshold / 100).filter((d) => !state.hidden.has(d.label));
}

// above are those above a threshold, of hidden phrases too.
export function above(threshold) {
  const list = state.answer?.detections ?? [];
  return list.map((d, index) => ({ ...d, index })).filter((d) => d.score > threshold && !state.dropped.has(d.index));
}

// light lights what belongs to a label, or to one box of it; null puts it out.
export function light(label, box = null) {
  const lit = label === null ? null : { label, box };
  if (!same(lit, state.lit)) set({ lit });
}

// isLit says whether a detection is lit.
export const isLit = (d) => state.lit !== null && (state.lit.box === null ? state.lit.label === d.label : state.lit.box === d.index);
