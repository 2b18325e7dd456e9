// One question at a time about one picture: it is sent once, a new question ends the one before, and what a server
// under load, loading or gone answers is waited for.
import { state, set, question, same } from "./state.mjs";
import { detect, keep, Offline } from "./api.mjs";
import { reach, look } from "./server.mjs";
import { wait, until } from "./dom.mjs";

const ROUNDS = 3; // times that a refused question is asked again
const PLACES = 2000; // milliseconds between two looks at the queue

let controller = new AbortController(); // of the question that is asked
let run = Promise.resolve(); // ends when the last question has let go
let hurry = () => {}; // ends the wait that is under way

const keeping = new WeakMap(); // promises of what the server says of the pictures that it keeps, by their bytes

// idOf is under which ID the server keeps a picture. It is sent where the server does not have it.
export async function idOf({ blob }) {
  if (!keeping.has(blob)) keeping.set(blob, keep(blob));
  try {
    return (await keeping.get(blob)).id;
  } catch (e) {
    keeping.delete(blob);
    throw e;
  }
}

// ofKept asks something of a picture by its ID, and sends it again where the server has let go of it.
export async function ofKept(picture, signal, f) {
  for (let again = false; ; again = true) {
    const id = await idOf(picture);
    signal.throwIfAborted();
    try {
      return await f(id);
    } catch (e) {
      if (again || e.code !== "no_image") throw e;
      keeping.delete(picture.blob);
    }
  }
}

// ask asks what is typed of the picture that is shown.
export function ask() {
  const asked = question();
  const { picture } = state;
  if (!picture || !asked) return;
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  set({ work: { kind: "working", since: Date.now() }, trouble: "" });
  run = run.then(() => answer(picture, asked, signal));
}

// cancel ends what is asked. The old answer stays.
export function cancel() {
  controller.abort();
  if (state.work) set({ work: null });
}

// tryNow ends the wait of a refused question.
export const tryNow = () => hurry();

async function answer(picture, asked, signal) {
  const watch = new AbortController();
  watchQueue(AbortSignal.any([signal, watch.signal]));
  try {
    signal.throwIfAborted();
    const found = await patient(signal, () => ofKept(picture, signal, (id) => detect(id, asked, signal)));
    signal.throwIfAborted();
    const alike = state.answer && same(state.answer.phrases.map((p) => p.phrase), found.phrases.map((p) => p.phrase));
    set({
      answer: { ...found, question: asked, name: picture.name },
      work: null,
      server: "ready",
      dropped: new Set(),
      hidden: alike ? state.hidden : new Set(),
      lit: null,
    });
  } catch (e) {
    if (!signal.aborted) set({ work: null, failed: e.message, trouble: e.message });
  } finally {
    watch.abort();
  }
}

// patient does something that a server may refuse for now.
async function patient(signal, f) {
  for (let round = 1; ; ) {
    try {
      return await f();
    } catch (e) {
      signal.throwIfAborted();
      const { since } = state.work;
      if (e instanceof Offline) {
        set({ server: "offline", work: { kind: "offline", since } });
        await until(reach(), signal);
      } else if (e.status === 503) {
        set({ work: { kind: "loading", since } });
        await wait(1000 * (e.retry || 1), signal);
        await until(reach(), signal);
      } else if (e.status === 429 && round <= ROUNDS) {
        const pause = 1000 * (e.retry || 1);
        set({ work: { kind: "waiting", since, round, until: Date.now() + pause } });
        await Promise.race([wait(pause, signal), new Promise((resolve) => (hurry = resolve))]);
        round++;
      } else {
        throw e;
      }
      set({ work: { kind: "working", since } });
    }
  }
}

// watchQueue looks from time to time how many wait, while something is asked.
async function watchQueue(signal) {
  try {
    for (;;) {
      await wait(PLACES, signal);
      if (state.work?.kind === "working") await look(signal);
    }
  } catch {
    // the question has ended
  }
}
