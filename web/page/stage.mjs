// A picture in its window, with what lies over it: a map, boxes. It is zoomed by wheel, pinch and keys, and moved by dragging.
import { fitted, placed, zoomed, around } from "./zoom.mjs";
import { draw } from "./words.mjs";
import { drawBoxes, placeTags } from "./boxes.mjs";
import { el, svg, mark } from "./dom.mjs";

const STEP = 1.25; // of a key
const MOVE = 60; // pixels of an arrow key

// Stage fills an element. moved is told of every view, and whether it was chosen here: a second picture then follows.
export class Stage {
  constructor(root, label, moved = () => {}) {
    this.root = root;
    this.moved = moved;
    this.picture = null;
    this.view = null;
    this.whole = true; // whether the view is the fitted one
    this.image = el("img", { draggable: "false" });
    this.map = el("canvas", { class: "heat", "aria-hidden": "true", hidden: true });
    this.boxes = svg("svg", { class: "boxes", role: "group", "aria-label": "Boxes", preserveAspectRatio: "none" });
    this.layer = el("div", { class: "layer" }, this.image, this.map, this.boxes);
    this.cover = el("div", { class: "progress", hidden: true }, el("i"));
    root.append(this.layer, this.cover);
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", label + ": plus and minus zoom, 0 fits, arrows move");
    this.#listen();
    new ResizeObserver(() => this.#resized()).observe(root);
  }

  // open shows a picture, or nothing. A view that a person chose stays where the size is the same.
  open(picture) {
    const alike = this.picture && picture && this.picture.width === picture.width && this.picture.height === picture.height;
    this.picture = picture;
    this.root.hidden = !picture;
    if (!picture) return;
    this.image.src = picture.url;
    this.image.alt = "The picture " + picture.name;
    this.boxes.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    this.root.style.setProperty("--ratio", picture.width / picture.height);
    if (!alike || this.whole) this.fit();
  }

  get frame() {
    return { width: this.root.clientWidth, height: this.root.clientHeight };
  }

  fit() {
    if (!this.picture) return;
    this.whole = true;
    this.#look(fitted(this.picture, this.frame));
  }

  // zoom scales by a factor about a point of the window, or its middle.
  zoom(factor, at) {
    if (!this.picture) return;
    const { width, height } = this.frame;
    this.whole = false;
    this.#look(zoomed(this.view, factor, at ?? { x: width / 2, y: height / 2 }, this.picture, this.frame));
  }

  // toBox shows a box of the picture, or the whole where it is shown already.
  toBox(box) {
    const view = around(box, this.picture, this.frame);
    const there = ["scale", "x", "y"].every((k) => Math.abs(view[k] - this.view[k]) < 0.5);
    if (there) return this.fit();
    this.whole = false;
    this.#look(view);
  }

  // follow takes over the view of another stage.
  follow(view, whole) {
    this.whole = whole;
    if (this.picture) this.#look(whole ? fitted(this.picture, this.frame) : placed(view, this.picture, this.frame), false);
  }

  // show draws detections over the picture; data is as drawBoxes has it.
  show(detections, data) {
    drawBoxes(this.boxes, detections, data);
    if (this.view) placeTags(this.boxes, this.view, this.frame);
  }

  // overlay lays a word's map over the picture; null takes it away.
  overlay(word, grid) {
    this.map.hidden = !word;
    mark(this.root, "heated", word);
    if (!word) return;
    draw(this.map, word, grid);
    const [sx, sy] = grid.scale;
    this.map.style.width = (100 * grid.width * grid.stride) / sx / this.picture.width + "%";
    this.map.style.height = (100 * grid.height * grid.stride) / sy / this.picture.height + "%";
  }

  #look(view, own = true) {
    this.view = view;
    const { style } = this.layer;
    style.width = this.picture.width * view.scale + "px";
    style.height = this.picture.height * view.scale + "px";
    style.transform = `translate(${view.x}px, ${view.y}px)`;
    this.boxes.style.setProperty("--unit", 1 / view.scale);
    mark(this.root, "coarse", view.scale >= 6);
    mark(this.root, "zoomed", !this.whole);
    placeTags(this.boxes, view, this.frame);
    this.moved(view, this.whole, own);
  }

  #resized() {
    if (!this.picture || !this.root.clientWidth) return;
    if (this.whole || !this.view) this.fit();
    else this.#look(placed(this.view, this.picture, this.frame));
  }

  #listen() {
    const { root } = this;
    const at = (e) => {
      const r = root.getBoundingClientRect();
      return { x: e.clientX - r.left, y: e.clientY - r.top };
    };
    root.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.002)), at(e));
    }, { passive: false });
    root.addEventListener("dblclick", (e) => (this.whole ? this.zoom(2, at(e)) : this.fit()));
    root.addEventListener("keydown", (e) => this.#key(e));
    this.#drag(at);
  }

  #key(e) {
    if (e.target !== this.root || e.ctrlKey || e.metaKey || e.altKey || !this.picture) return;
    const by = { ArrowLeft: [MOVE, 0], ArrowRight: [-MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] }[e.key];
    if (!by || this.whole) return;
    e.preventDefault();
    e.stopPropagation();
    this.#look(placed({ scale: this.view.scale, x: this.view.x + by[0], y: this.view.y + by[1] }, this.picture, this.frame));
  }

  // #drag moves the picture with one pointer and zooms it with two.
  #drag(at) {
    const { root } = this;
    const down = new Map(); // places of the pointers that are down
    const middle = () => {
      const p = [...down.values()];
      const x = p.reduce((s, q) => s + q.x, 0) / p.length;
      const y = p.reduce((s, q) => s + q.y, 0) / p.length;
      return { x, y, apart: p.length > 1 ? Math.hypot(p[0].x - p[1].x, p[0].y - p[1].y) : 0 };
    };
    root.addEventListener("pointerdown", (e) => {
      if (e.button === 0 && this.picture) down.set(e.pointerId, at(e));
    });
    root.addEventListener("pointermove", (e) => {
      if (!down.has(e.pointerId)) return;
      const before = middle();
      const here = at(e);
      if (down.size === 1 && !root.hasPointerCapture(e.pointerId)) {
        if (this.whole || Math.hypot(here.x - before.x, here.y - before.y) < 4) return; // a click, so far
        root.setPointerCapture(e.pointerId);
      }
      down.set(e.pointerId, here);
      const now = middle();
      if (before.apart && now.apart) this.zoom(now.apart / before.apart, now);
      const view = { scale: this.view.scale, x: this.view.x + now.x - before.x, y: this.view.y + now.y - before.y };
      if (!this.whole) this.#look(placed(view, this.picture, this.frame));
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) root.addEventListener(end, (e) => down.delete(e.pointerId));
    window.addEventListener("pointerup", (e) => down.delete(e.pointerId));
  }
}
