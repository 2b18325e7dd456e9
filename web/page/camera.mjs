// The camera: the newest frame is asked, its answer shown on that very frame, then the newest again.
import { state, set, question } from "./state.mjs";
import { detectOnce } from "./api.mjs";
import { show } from "./open.mjs";
import { cancel } from "./ask.mjs";
import { $, wait } from "./dom.mjs";

const PAUSE = 200; // milliseconds until it is looked again where there is nothing to ask
const QUALITY = 0.9; // of the frames' JPEG
const OVER = 5; // answers, over which the rate is averaged

let stop = null; // ends the stream

// frame is the newest picture of a video.
async function frame(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}

// put makes a frame the picture, without asking anything of it, and an answer what was found in it.
function put(blob, answer, asked, size) {
  if (state.picture) URL.revokeObjectURL(state.picture.url);
  const picture = { blob, name: "camera.jpg", url: URL.createObjectURL(blob), ...size };
  set({ picture, lit: null, dropped: new Set(), answer: answer && { ...answer, question: asked, name: picture.name } });
}

async function run(signal) {
  const video = $("video");
  const times = [];
  while (!signal.aborted) {
    const asked = question();
    const blob = await frame(video);
    const size = { width: video.videoWidth, height: video.videoHeight };
    let answer = null;
    if (asked) {
      try {
        answer = await detectOnce(blob, asked, 1, signal);
      } catch (e) {
        signal.throwIfAborted();
        if (![429, 503].includes(e.status)) throw e;
        await wait(1000 * (e.retry || 1), signal); // this frame is old then
        continue;
      }
      signal.throwIfAborted();
      times.push(performance.now());
      if (times.length > OVER) times.shift();
    }
    put(blob, answer, asked, size);
    const span = times.at(-1) - times[0];
    $("rate").textContent = !asked ? "Say what to look for." : times.length > 1 ? `${((1000 * (times.length - 1)) / span).toFixed(1)} frames a second` : "";
    if (!asked) await wait(PAUSE, signal);
  }
}

async function start() {
  cancel();
  stop = new AbortController();
  const { signal } = stop;
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    signal.throwIfAborted();
    $("live").hidden = false;
    $("video").srcObject = stream;
    await $("video").play();
    set({ live: true, trouble: "" });
    await run(signal);
  } catch (e) {
    const why = { NotAllowedError: "the browser does not let this page use it", NotFoundError: "there is none" }[e.name] ?? e.message;
    if (!signal.aborted) set({ trouble: "The camera cannot be used: " + why + "." });
  }
  for (const track of stream?.getTracks() ?? []) track.stop();
  $("video").srcObject = null;
  $("live").hidden = true;
  const last = state.picture;
  set({ live: false });
  if (stop?.signal === signal) stop = null;
  if (last?.name === "camera.jpg") await show(last.blob, last.name); // the last frame becomes a picture like others
}

// camera starts its buttons.
export function camera() {
  const none = !navigator.mediaDevices?.getUserMedia;
  $("camera").hidden = none; // a page that did not come over https or from this machine has none
  $("camera").addEventListener("click", () => (stop ? stop.abort() : start()));
  $("freeze").addEventListener("click", () => {
    stop?.abort();
    $("camera").focus();
  });
}
