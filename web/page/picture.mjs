// The picture with its boxes, and what is said of it.
import { state, on, set, shown, light, isLit } from "./state.mjs";
import { Stage } from "./stage.mjs";
import { $, mark, arrows } from "./dom.mjs";
import { bytes } from "./text.mjs";

// reduced is to which size the server brings a picture before it looks, or null where it does not say.
export function reduced(picture, rule) {
  if (!rule?.short) return null;
  const [least, most] = [Math.min(picture.width, picture.height), Math.max(picture.width, picture.height)];
  let scale = rule.short / least;
  if (rule.long && most * scale > rule.long) scale = rule.long / most;
  return [Math.round(picture.width * scale), Math.round(picture.height * scale)];
}

function about() {
  const { picture, info } = state;
  if (!picture) return "";
  const size = `${picture.width} × ${picture.height}`;
  const seen = reduced(picture, info?.size);
  const as = seen ? (seen.join(" × ") === size ? ", looked at as it is" : `, looked at as ${seen.join(" × ")}`) : "";
  return `${picture.name} · ${size} · ${bytes(picture.blob.size)}${as}`;
}

// pictureView starts the view and returns its stage. also is told of every view that a person chooses.
export function pictureView(also) {
  const stage = new Stage($("first"), "View", (view, whole, own) => {
    $("fit").textContent = Math.round(100 * view.scale) + " %";
    $("fit").setAttribute("aria-label", `Fit, now at ${Math.round(100 * view.scale)} %`);
    if (own) also(view, whole);
  });
  const { boxes } = stage;
  $("in").addEventListener("click", () => stage.zoom(1.5));
  $("out").addEventListener("click", () => stage.zoom(1 / 1.5));
  $("fit").addEventListener("click", () => stage.fit());

  const of = (e) => e.target.closest?.("[data-box]");
  const lit = (e) => {
    const box = of(e);
    if (box) light(+box.dataset.label, +box.dataset.box);
  };
  boxes.addEventListener("pointermove", lit); // not over: a box that appears under a mouse at rest is not meant
  boxes.addEventListener("focusin", lit);
  boxes.addEventListener("pointerout", (e) => of(e) && light(null));
  boxes.addEventListener("focusout", () => light(null));
  boxes.addEventListener("keydown", (e) => {
    const d = shown().find((one) => one.index === Number(of(e)?.dataset.box));
    if (!d) return;
    if (e.key === "Enter") stage.toBox(d.box);
    else if (e.key === "Delete" || e.key === "Backspace") set({ dropped: new Set(state.dropped).add(d.index) });
  });
  arrows(boxes, "[data-box]");

  on(["picture"], () => {
    const { picture } = state;
    $("empty").hidden = picture !== null;
    for (const id of ["zoom", "compare"]) $(id).hidden = !picture;
    $("intro").hidden = picture !== null;
    stage.open(picture);
  });
  on(["picture", "info"], () => ($("about").textContent = about()));
  on(["answer", "threshold", "hidden", "dropped"], () => {
    stage.show(shown());
    paint();
  });
  const paint = () => {
    mark(boxes, "lighting", state.lit);
    for (const box of boxes.children) mark(box, "lit", isLit({ label: +box.dataset.label, index: +box.dataset.box }));
  };
  on(["lit"], paint);
  on(["veiled"], () => mark($("stages"), "veiled", state.veiled));
  on(["work"], () => {
    mark($("first"), "working", state.work);
    stage.cover.hidden = !state.work;
  });
  on(["word", "maps", "picture"], () => state.picture && stage.overlay(state.word, state.maps?.grid));
  return stage;
}
