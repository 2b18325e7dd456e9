// Saving and copying what was found.
import { state, set, shown } from "./state.mjs";
import { answered, coco, curl, stem } from "./formats.mjs";
import { png, drawing } from "./draw.mjs";
import { fragment } from "./link.mjs";
import { hasToken } from "./api.mjs";
import { $, el } from "./dom.mjs";

// save gives a file to the person.
export function save(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60e3);
}

export const json = (value) => JSON.stringify(value, null, 1) + "\n";

const savers = {
  json: (name) => save(name + ".json", json(answered(state.answer, shown())), "application/json"),
  coco: (name) => save(name + ".coco.json", json(coco([{ name: state.picture.name, answer: state.answer, shown: shown() }])), "application/json"),
  png: async (name) => save(name + ".boxes.png", await png(state.picture, shown())),
  svg: async (name) => save(name + ".boxes.svg", await drawing(state.picture, shown()), "image/svg+xml"),
};

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    $("status").textContent = `${what} copied.`;
  } catch {
    set({ trouble: `The browser does not let this page write to the clipboard. ${what}: ${text}` });
  }
}

// download starts the menu.
export function download() {
  const opener = $("download");
  const sheet = $("formats");
  const show = (is) => {
    sheet.hidden = !is;
    opener.setAttribute("aria-expanded", is);
  };
  opener.addEventListener("click", () => {
    show(sheet.hidden);
    if (!sheet.hidden) sheet.querySelector("button").focus();
  });
  sheet.addEventListener("keydown", (e) => {
    if (e.key === "Escape") e.stopPropagation(), show(false), opener.focus();
  });
  document.addEventListener("pointerdown", (e) => !e.target.closest?.(".menu") && show(false));
  sheet.addEventListener("focusout", (e) => e.relatedTarget && !e.relatedTarget.closest?.(".menu") && show(false));
  sheet.addEventListener("click", async (e) => {
    const button = e.target.closest("button");
    if (!button) return;
    show(false);
    opener.focus();
    const { picture, answer } = state;
    try {
      if (button.dataset.format) await savers[button.dataset.format](stem(picture.name));
      else if (button.id === "curl") await copy(curl(location.origin, picture.name, answer.question, state.threshold / 100, hasToken()), "The command is");
      else await copy(location.href.split("#")[0] + fragment(), "The link is");
    } catch (failure) {
      set({ trouble: "It could not be saved: " + failure.message });
    }
  });
}
