// The page: a picture, a sentence, and which word found what.
import { state, set } from "./state.mjs";
import { pictureView } from "./picture.mjs";
import { sentence, write } from "./sentence.mjs";
import { chips } from "./chips.mjs";
import { threshold } from "./threshold.mjs";
import { detections } from "./detections.mjs";
import { words } from "./words.mjs";
import { timing } from "./timing.mjs";
import { status } from "./status.mjs";
import { compare } from "./compare.mjs";
import { strip, fill } from "./strip.mjs";
import { camera } from "./camera.mjs";
import { download } from "./download.mjs";
import { openings, example } from "./open.mjs";
import { keys } from "./keys.mjs";
import { unlock } from "./unlock.mjs";
import { follow } from "./link.mjs";
import { reach } from "./server.mjs";
import { $ } from "./dom.mjs";

let second = null;
const stage = pictureView((view, whole) => second?.follow(view, whole));
second = compare((view, whole) => stage.follow(view, whole));
sentence();
chips();
threshold();
detections(stage);
words();
timing();
status();
strip();
camera();
download();
openings(fill);
keys(stage);
unlock();

for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => example(button.dataset.example, (text) => write(text)));
}

const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) || location.hostname.endsWith(".localhost");
$("privacy").textContent = here
  ? "Pictures stay on this machine: in the server's memory, for a quarter of an hour, and never on its disk."
  : `Pictures go to ${location.host} alone, stay in its memory for a quarter of an hour, and are never on its disk.`;

set({ text: $("sentence").value }); // which a browser may have kept over a reload
window.addEventListener("hashchange", follow);
follow();
reach().catch((e) => set({ trouble: e.message }));
