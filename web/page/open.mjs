// Pictures come in: chosen, dropped, pasted, by name of an example.
import { state, set, question } from "./state.mjs";
import { ask, idOf } from "./ask.mjs";
import { $ } from "./dom.mjs";
import { bytes } from "./text.mjs";

let last = 0; // of several that are opened at once the last one is shown

// show makes a blob the picture of the page, and asks of it what is typed. It says whether it could.
export async function show(blob, name, more = {}) {
  const turn = ++last;
  const most = state.info?.limits?.body;
  if (most && blob.size > most) {
    set({ trouble: `${name} has ${bytes(blob.size)}, and the server takes ${bytes(most)} at most: choose a smaller one.` });
    return false;
  }
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    set({ trouble: `${name} is no picture that this browser can show. Choose a PNG, JPEG, WebP, GIF or BMP.` });
    return false;
  }
  if (turn !== last) {
    URL.revokeObjectURL(url);
    return false;
  }
  if (state.picture) URL.revokeObjectURL(state.picture.url);
  const picture = { blob, name, url, width: image.naturalWidth, height: image.naturalHeight, ...more };
  set({ picture, answer: null, maps: null, word: null, lit: null, trouble: "", dropped: new Set(), hidden: new Set() });
  if (question()) {
    ask();
  } else {
    idOf(picture).catch((e) => {
      // What is wrong with the picture is said now, all else when something is asked of it.
      if (picture === state.picture && [400, 413, 415].includes(e.status)) set({ trouble: e.message });
    });
  }
  return true;
}

// example opens one of the page's own pictures, with its sentence where there is no other.
export async function example(name, say) {
  const button = document.querySelector(`[data-example="${CSS.escape(name)}"]`);
  if (!button) return;
  const response = await fetch(`examples/${name}.webp`);
  say(button.dataset.text);
  await show(await response.blob(), name + ".webp", { example: name });
}

// openings listens for everything that brings pictures. several is told of more than one file.
export function openings(several) {
  const take = (list) => {
    const files = [...list];
    if (files.length === 1) show(files[0], files[0].name || "picture");
    else if (files.length) several(files);
  };
  for (const id of ["file", "photo", "folder"]) {
    $(id).addEventListener("change", (e) => {
      const files = [...e.target.files];
      e.target.value = ""; // the same file may be chosen again
      if (id === "folder") several(files.filter((f) => f.type.startsWith("image/")));
      else take(files);
    });
  }
  document.addEventListener("paste", (e) => {
    const files = [...(e.clipboardData?.files ?? [])];
    if (!files.length) return; // text goes where it was pasted
    e.preventDefault();
    take(files);
  });
  const dropping = $("dropping");
  const brings = (e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (e) => {
    if (!brings(e)) return;
    e.preventDefault();
    dropping.hidden = false;
  });
  document.addEventListener("dragleave", (e) => {
    if (!e.relatedTarget) dropping.hidden = true;
  });
  document.addEventListener("drop", (e) => {
    dropping.hidden = true;
    if (!e.dataTransfer?.files.length) return;
    e.preventDefault();
    take(e.dataTransfer.files);
  });
}

// pasteFromClipboard takes a picture of the clipboard, where the browser hands it out.
export async function pasteFromClipboard() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((t) => t.startsWith("image/"));
      if (type) return await show(await item.getType(type), "pasted." + type.slice(6));
    }
    set({ trouble: "There is no picture on the clipboard." });
  } catch {
    set({ trouble: "The browser does not hand out the clipboard to this page: press Ctrl+V instead." });
  }
}
