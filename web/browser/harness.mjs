// What the checks of the page share: a browser, a page before a fake server in a mood, screenshots, axe.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import assert from "node:assert/strict";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

// options are the command line's: --npm FOLDER --chromium FILE --url URL --shots FOLDER --only WORDS
export function options(args) {
  const get = (name, otherwise = "") => (args.indexOf("--" + name) < 0 ? otherwise : args[args.indexOf("--" + name) + 1]);
  return { npm: get("npm"), chromium: get("chromium"), url: get("url"), shots: get("shots"), only: get("only") };
}

// Desk opens pages for checks.
export class Desk {
  constructor(given) {
    Object.assign(this, given);
    this.require = createRequire(path.join(path.resolve(given.npm), "x.js"));
    this.axeSource = readFileSync(this.require.resolve("axe-core/axe.min.js"), "utf8");
  }

  async open() {
    const { chromium } = this.require("playwright-core");
    const args = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    this.browser = await chromium.launch({ executablePath: this.chromium, args });
  }

  close() {
    return this.browser.close();
  }

  async mood(mood) {
    await fetch(this.url + "/fake", { method: "POST", body: JSON.stringify(mood) });
  }

  async counts() {
    return (await fetch(this.url + "/fake")).json();
  }

  // run runs one check in a page of its own: f(t).
  async run(name, f) {
    await this.mood({});
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true, reducedMotion: "reduce" });
    const t = new Page(this, context, await context.newPage(), name.replace(/[^a-z0-9]+/gi, "-").toLowerCase());
    t.page.setDefaultTimeout(15000);
    try {
      await f(t);
      assert.deepEqual(t.wrong, [], "errors in the console, policy violations, or requests to other hosts");
    } finally {
      await context.close();
    }
  }
}

// Page is a page with the words of its contract: roles and accessible names.
class Page {
  constructor(desk, context, page, name) {
    Object.assign(this, { desk, context, page, name, wrong: [], statuses: [] });
    page.on("pageerror", (e) => this.wrong.push(e.stack));
    page.on("console", (m) => {
      // What the browser says of a 4xx that a check asked for is no error of the page.
      if (m.type() === "error" && !this.statuses.some((s) => m.text().includes(s))) this.wrong.push(m.text());
    });
    page.on("request", (r) => {
      if (!r.url().startsWith(desk.url) && !/^(data|blob):/.test(r.url())) this.wrong.push(r.url());
    });
    this.sentence = page.getByRole("textbox", { name: "Sentence" });
    this.threshold = page.getByRole("slider", { name: "Threshold" });
    this.status = page.getByRole("status");
    this.alert = page.getByRole("alert");
    this.list = page.getByRole("list", { name: "Detections" });
    this.rows = this.list.getByRole("listitem");
    this.boxes = page.locator("[data-box]");
    this.chips = page.getByRole("list", { name: "Phrases" }).getByRole("button");
    this.maps = page.getByRole("list", { name: "Words" }).getByRole("button");
  }

  mood(mood) {
    return this.desk.mood(mood);
  }

  counts() {
    return this.desk.counts();
  }

  // expect lets the console speak of answers with these statuses.
  expect(...statuses) {
    this.statuses.push(...statuses.map(String));
  }

  async goto(more = "/") {
    await this.page.goto(this.desk.url + more);
  }

  button(name) {
    return this.page.getByRole("button", { name });
  }

  // begin opens the first example and waits for its boxes.
  async begin() {
    await this.goto();
    await this.button("a red apple and two dogs").click();
    await this.says(/3 boxes for 2 phrases/);
  }

  // type adds letters to the sentence, one after the other and without a pause, however slow the machine is.
  type(text) {
    return this.sentence.evaluate((field, letters) => {
      for (const letter of letters) {
        field.setRangeText(letter, field.value.length, field.value.length, "end");
        field.dispatchEvent(new InputEvent("input", { bubbles: true, data: letter, inputType: "insertText" }));
      }
    }, text);
  }

  says(text) {
    return this.status.filter({ hasText: text }).waitFor();
  }

  // until waits until something is true.
  async until(f, what) {
    for (let i = 0; i < 150; i++) {
      if (await f()) return;
      await this.page.waitForTimeout(100);
    }
    assert.fail("never: " + what);
  }

  // choose gives the page a picture that is made here: its size, its name.
  async choose(name = "photo.png", width = 320, height = 200) {
    await this.page.getByLabel("Choose a picture").setInputFiles({ name, mimeType: "image/png", buffer: await this.picture(width, height) });
  }

  async picture(width, height, type = "image/png") {
    const base64 = await this.page.evaluate(async ([w, h, type]) => {
      const canvas = new OffscreenCanvas(w, h);
      const paper = canvas.getContext("2d");
      const shade = paper.createLinearGradient(0, 0, w, h);
      shade.addColorStop(0, "#e9d8b4");
      shade.addColorStop(1, "#5c7f86");
      paper.fillStyle = shade;
      paper.fillRect(0, 0, w, h);
      const data = new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer());
      return btoa(Array.from(data, (c) => String.fromCharCode(c)).join(""));
    }, [width, height, type]);
    return Buffer.from(base64, "base64");
  }

  // look has axe judge the page, and keeps a picture of it: light, dark, and on a phone.
  async look(more = "") {
    for (const scheme of ["light", "dark"]) {
      await this.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await this.shot(more + "-" + scheme);
      await this.axe(scheme);
    }
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    const before = this.page.viewportSize();
    await this.page.setViewportSize({ width: 360, height: 740 });
    await this.page.waitForTimeout(100);
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${wide} pixels wide on a phone of 360`);
    await this.shot(more + "-phone", true);
    await this.axe("phone");
    await this.page.setViewportSize(before);
  }

  async axe(where) {
    await this.page.evaluate(this.desk.axeSource);
    const found = await this.page.evaluate((tags) => axe.run(document, { runOnly: [...tags, "best-practice"] }), TAGS);
    const said = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
    assert.deepEqual(said, [], "axe, " + where);
  }

  async shot(more, whole = false) {
    if (!this.desk.shots) return;
    mkdirSync(this.desk.shots, { recursive: true });
    await this.page.screenshot({ path: path.join(this.desk.shots, this.name + more + ".png"), fullPage: whole });
  }

  // saved is what a click on an item of the menu saves: its name, its bytes.
  async saved(item) {
    await this.button("Download").click();
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.button(item).click()]);
    return { name: download.suggestedFilename(), data: readFileSync(await download.path()) };
  }
}
