// Elements, found and made. What people and servers wrote goes into them as text alone.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

// el makes an element. Attributes that are false, null or undefined are left out; children are elements or text.
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

// svg makes an element of a drawing.
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((c) => c != null));
  return element;
}

// mark sets data-NAME to "true" or takes it away.
export function mark(element, name, is) {
  if (is) element.dataset[name] = "true";
  else delete element.dataset[name];
}

// kept is what the browser remembers of this page, where it lets it.
export const kept = {
  read(name, store = "localStorage") {
    try {
      return globalThis[store].getItem("glip." + name);
    } catch {
      return null; // storage is switched off
    }
  },
  write(name, value, store = "localStorage") {
    try {
      if (value === null) globalThis[store].removeItem("glip." + name);
      else globalThis[store].setItem("glip." + name, value);
    } catch {
      // storage is switched off or full: the page goes on without
    }
  },
};

// wait resolves after some milliseconds, and rejects when the signal says so.
export function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => (clearTimeout(timer), reject(signal.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", stop), resolve()), ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

// until is a promise that rejects as soon as the signal says so.
export function until(promise, signal) {
  return Promise.race([promise, new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }))]);
}

// arrows moves the focus among siblings with the arrow keys, Home and End; one of them at a time is reached by Tab.
export function arrows(list, selector) {
  list.addEventListener("keydown", (e) => {
    const all = [...list.querySelectorAll(selector)];
    const at = all.indexOf(e.target.closest(selector));
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[e.key];
    if (at < 0 || to === undefined || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    all[Math.max(0, Math.min(to, all.length - 1))].focus();
  });
  list.addEventListener("focusin", (e) => {
    const one = e.target.closest(selector);
    if (!one) return;
    for (const other of list.querySelectorAll(selector + '[tabindex="0"]')) other.setAttribute("tabindex", -1);
    one.setAttribute("tabindex", 0);
  });
}
