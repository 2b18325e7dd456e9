// latest makes of f a function of which one run is under way at a time: of calls during a run the last one alone is done,
// after it. Between two runs it pauses, in milliseconds.
export function latest(f, pause = 0) {
  let running = false;
  let next = null;
  return async function call(...given) {
    if (running) {
      next = given;
      return;
    }
    running = true;
    try {
      await f(...given);
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
    } finally {
      running = false;
      const again = next;
      next = null;
      if (again) call(...again);
    }
  };
}
