// Whether the server can be asked: it may be loading, or not be there.
import { set } from "./state.mjs";
import { info, Offline } from "./api.mjs";
import { wait } from "./dom.mjs";

const OFTEN = 1500; // milliseconds between two looks

let reaching = null;

// reach resolves when the server is ready, and tells the page how far it is until then. However many wait for it, one looks.
export function reach() {
  reaching ??= poll().finally(() => (reaching = null));
  return reaching;
}

async function poll() {
  for (;;) {
    let pause = OFTEN;
    try {
      const told = await info();
      const ready = (told.state ?? "ready") === "ready";
      set({ info: told, server: ready ? "ready" : told.state, progress: told.progress ?? null });
      if (ready) return;
    } catch (e) {
      if (e.status === 401) return set({ server: "ready", trouble: e.message });
      set({ server: e instanceof Offline ? "offline" : "starting" });
      if (e.retry) pause = 1000 * e.retry;
    }
    await wait(pause);
  }
}

// look asks once more what the server says of itself; a failure changes nothing.
export async function look(signal) {
  try {
    set({ info: await info(signal) });
  } catch {
    // the question that is under way tells
  }
}
