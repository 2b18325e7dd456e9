// The sentence: a text field, and before it a mirror of the same text, in which what is looked for is marked.
import { state, on, set, light, named } from "./state.mjs";
import { tokens } from "./api.mjs";
import { ask, cancel } from "./ask.mjs";
import { latest } from "./latest.mjs";
import { caret } from "./caret.mjs";
import { pieces, units, lines, lineSpans, follow } from "./text.mjs";
import { colour } from "./colours.mjs";
import { $, el, mark as flag } from "./dom.mjs";

const IDLE = 300; // milliseconds after the last key until it is asked
const SOON = 80; // likewise, between two looks at the tokens
const TOKENS = 256; // that a model reads, where the server does not say

const label = (spans) => spans.map(([begin, end], i) => ({ begin, end, label: i + 1 }));

// phraseMarks are the places of phrases in a text: those that the server gave, where it read this text, and else where
// their words are found one after the other.
export function phraseMarks(text, phrases, captions) {
  const marks = [];
  let at = 0;
  phrases.forEach((p, i) => {
    let begin, end;
    if (captions[p.caption ?? 0] === text) {
      [begin, end] = p.span.map((point) => units(text, point));
    } else {
      begin = text.toLowerCase().indexOf(p.phrase.toLowerCase(), at);
      if (begin < 0) return;
      end = at = begin + p.phrase.length;
    }
    marks.push({ begin, end, label: p.label ?? i + 1, silent: p.silent });
  });
  return marks;
}

// marks are those of what is typed now.
function marks() {
  const { text, classes, spans, answer, tokens: read } = state;
  if (classes) return label(lineSpans(text));
  if (spans.length) return label(spans);
  if (answer?.question.text === text && !answer.question.spans.length) return phraseMarks(text, answer.phrases, answer.captions);
  if (!read) return [];
  const places = phraseMarks(read.text, read.phrases, [read.text]);
  return read.text === text ? places : label(follow(places.map((m) => [m.begin, m.end]), read.text, text));
}

function render() {
  const { text, tokens: read } = state;
  const beyond = read?.text === text && read.truncated_at != null && read.truncated_at >= 0 ? units(text, read.truncated_at) : text.length;
  $("mirror").replaceChildren(
    ...pieces(text, marks(), beyond).map((p) => {
      const inner = p.beyond ? el("span", { class: "beyond" }, p.text) : p.text;
      if (!p.mark) return p.beyond ? inner : document.createTextNode(p.text);
      return el("mark", { "data-label": p.mark.label, "data-colour": colour(p.mark.label), "data-silent": p.mark.silent ? "true" : null }, inner);
    }),
    "\n", // a last empty line has its height
  );
  paint();
}

function paint() {
  for (const m of $("mirror").querySelectorAll("mark")) flag(m, "lit", state.lit?.label === Number(m.dataset.label));
}

function count() {
  const { tokens: read, info, text } = state;
  const most = read?.limit ?? info?.limits?.tokens ?? TOKENS;
  const n = read && text.trim() ? read.count ?? read.tokens.length : 0;
  const over = read?.truncated_at != null && read.truncated_at >= 0 && text.trim();
  $("counter").textContent = over ? `${n} of ${most} tokens: what is grey is not read` : `${n} of ${most} tokens`;
  flag($("counter"), "over", over);
}

function hint() {
  $("hint").textContent = state.classes
    ? "A class on each line."
    : state.spans.length ? "Marked words alone are looked for." : "Mark words to look for these alone.";
}

// write puts a text into the field, as if it had been typed.
export function write(text) {
  $("sentence").value = text;
  set({ text, spans: follow(state.spans, state.text, text) });
}

// edit selects what a label stands for, to be typed over.
export function edit(wanted) {
  const m = marks().find((one) => one.label === wanted);
  if (!m) return;
  $("sentence").focus();
  $("sentence").setSelectionRange(m.begin, m.end);
}

// sentence starts the field.
export function sentence() {
  const field = $("sentence");
  let timer = 0;
  const read = latest(async () => {
    const { text, classes } = state;
    if (!text.trim()) return set({ tokens: null });
    try {
      set({ tokens: { ...(await tokens(classes ? lines(text).join(". ") : text)), text } });
    } catch (e) {
      // Of a server that is gone or busy the question tells.
      if (e.status === 400) set({ tokens: { text, tokens: [], phrases: [], count: 0 } });
    }
  }, SOON);
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => named() && ask(), IDLE);
  };
  field.addEventListener("input", () => {
    set({ text: field.value, spans: follow(state.spans, state.text, field.value) });
    if (state.text.trim()) later();
    else clearTimeout(timer), cancel();
  });
  field.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.isComposing || e.shiftKey || (state.classes && !e.ctrlKey && !e.metaKey)) return;
    e.preventDefault();
    clearTimeout(timer);
    ask();
  });
  $("classes").addEventListener("change", (e) => {
    const classes = e.target.checked;
    const names = marks().map((m) => state.text.slice(m.begin, m.end));
    const text = classes ? (names.length ? names : [state.text.trim()]).join("\n") : lines(state.text).join(". ");
    field.value = text;
    set({ classes, spans: [], text });
    ask();
  });
  spanButton(field);
  caret(field, $("mirror"));

  const over = (e) => e.target.closest?.("mark");
  $("mirror").addEventListener("pointerover", (e) => over(e) && light(+over(e).dataset.label));
  $("mirror").addEventListener("pointerout", (e) => over(e) && light(null));

  on(["text", "classes"], read);
  on(["text", "tokens", "spans", "classes", "answer"], render);
  on(["tokens", "info", "text"], count);
  on(["spans", "classes"], hint);
  on(["lit"], paint);
  on(["classes"], () => ($("classes").checked = state.classes));
  hint();
  count();
}

// spanButton makes spans of what is selected, and unmakes them.
function spanButton(field) {
  const button = $("mark");
  const selected = () => {
    let [begin, end] = [field.selectionStart, field.selectionEnd];
    while (begin < end && /\s/.test(field.value[begin])) begin++;
    while (end > begin && /\s/.test(field.value[end - 1])) end--;
    return [begin, end];
  };
  const touched = ([begin, end]) => state.spans.filter(([b, e]) => b < end && begin < e);
  const show = () => {
    const [begin, end] = selected();
    button.disabled = state.classes || begin === end;
    button.textContent = begin < end && touched([begin, end]).length ? "Unmark" : "Mark";
  };
  document.addEventListener("selectionchange", show);
  field.addEventListener("select", show);
  on(["spans", "classes", "text"], show);
  button.addEventListener("click", () => {
    const span = selected();
    const old = touched(span);
    const rest = state.spans.filter((s) => !old.includes(s));
    set({ spans: old.length ? rest : [...rest, span].sort((a, b) => a[0] - b[0]) });
    ask();
  });
}
