// Where a picture lies in its window: scale is pixels of the screen for one of the picture, x and y its upper left corner.

const MOST = 40; // screen pixels for one of the picture
const ENLARGED = 4; // likewise, where a small picture is fitted

// fitted shows the whole picture, in the middle.
export function fitted(picture, frame) {
  const scale = Math.min(frame.width / picture.width, frame.height / picture.height, ENLARGED) || 1;
  return placed({ scale, x: 0, y: 0 }, picture, frame);
}

// placed moves a view so that the picture fills its window, or lies in its middle where it is smaller.
export function placed(view, picture, frame) {
  const along = (at, size, room) => (size <= room ? (room - size) / 2 : Math.min(0, Math.max(at, room - size)));
  return {
    scale: view.scale,
    x: along(view.x, picture.width * view.scale, frame.width),
    y: along(view.y, picture.height * view.scale, frame.height),
  };
}

// zoomed scales a view by a factor about a point of the window.
export function zoomed(view, factor, at, picture, frame) {
  const least = Math.min(fitted(picture, frame).scale, 1);
  const scale = Math.max(least, Math.min(view.scale * factor, MOST));
  const by = scale / view.scale;
  return placed({ scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by }, picture, frame);
}

// around shows a box of the picture with room about it.
export function around([x1, y1, x2, y2], picture, frame) {
  const least = Math.min(fitted(picture, frame).scale, 1);
  const fit = Math.min(frame.width / (x2 - x1 + 1), frame.height / (y2 - y1 + 1)) * 0.6;
  const scale = Math.max(least, Math.min(fit, MOST / 2));
  const view = { scale, x: frame.width / 2 - ((x1 + x2) / 2) * scale, y: frame.height / 2 - ((y1 + y2) / 2) * scale };
  return placed(view, picture, frame);
}
