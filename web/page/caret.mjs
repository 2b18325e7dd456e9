// A mouse upon a mark of the mirror does what it would do in the text field behind it: it sets the caret and selects.

// caret joins a field and the mirror before it.
export function caret(field, mirror) {
  // place is where in the text a mouse points, in units.
  const place = (e) => {
    let node, offset;
    if (document.caretPositionFromPoint) {
      const p = document.caretPositionFromPoint(e.clientX, e.clientY);
      [node, offset] = [p?.offsetNode, p?.offset];
    } else {
      const r = document.caretRangeFromPoint?.(e.clientX, e.clientY);
      [node, offset] = [r?.startContainer, r?.startOffset];
    }
    if (node === field) return offset;
    if (!mirror.contains(node)) return field.selectionEnd;
    const range = document.createRange();
    range.setStart(mirror, 0);
    range.setEnd(node, offset);
    return Math.min(range.toString().length, field.value.length);
  };
  const around = (at, letter) => {
    let [begin, end] = [at, at];
    while (begin > 0 && letter.test(field.value[begin - 1])) begin--;
    while (end < field.value.length && letter.test(field.value[end])) end++;
    return [begin, end];
  };
  mirror.addEventListener("mousedown", (e) => {
    if (e.button !== 0) return;
    e.preventDefault();
    field.focus();
    const at = place(e);
    const begin = e.shiftKey ? field.selectionStart : at;
    field.setSelectionRange(Math.min(begin, at), Math.max(begin, at));
    if (e.detail > 1) return field.setSelectionRange(...around(at, e.detail === 2 ? /[^\s.,;]/ : /[^\n]/));
    const move = (m) => {
      const to = place(m);
      field.setSelectionRange(Math.min(begin, to), Math.max(begin, to), to < begin ? "backward" : "forward");
    };
    window.addEventListener("mousemove", move);
    window.addEventListener("mouseup", () => window.removeEventListener("mousemove", move), { once: true });
  });
}
