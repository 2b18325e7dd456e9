// Checks the page in a browser, one JSON object a line: {"check": name, "error": text or null, "ms": time}.
//
//   node run.mjs --npm FOLDER --chromium FILE --url URL [--shots FOLDER] [--only WORDS]
//
// FOLDER has playwright-core and axe-core; URL is the page before the fake of fake_test.go.
import { Desk, options } from "./harness.mjs";
import { checks as asking } from "./asking.mjs";
import { checks as looking } from "./looking.mjs";
import { checks as taking } from "./taking.mjs";
import { checks as states } from "./states.mjs";
import { checks as access } from "./access.mjs";

const desk = new Desk(options(process.argv.slice(2)));
await desk.open();
for (const [name, f] of Object.entries({ ...asking, ...looking, ...taking, ...states, ...access })) {
  if (!name.includes(desk.only)) continue;
  const begin = Date.now();
  let error = null;
  try {
    await desk.run(name, f);
  } catch (e) {
    error = String(e.stack ?? e).slice(0, 4000);
  }
  console.log(JSON.stringify({ check: name, error, ms: Date.now() - begin }));
}
await desk.close();
