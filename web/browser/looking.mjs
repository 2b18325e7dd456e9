// What was found is looked at: linked both ways, chosen among, zoomed, laid over the picture.
import assert from "node:assert/strict";

const lit = (t, selector) => t.page.locator(selector + "[data-lit=true]").count();

export const checks = {
  "a box, its words, its chip and its row light each other": async (t) => {
    await t.begin();
    await t.page.locator("mark", { hasText: "two dogs" }).hover();
    assert.equal(await lit(t, "[data-box]"), 2);
    assert.equal(await lit(t, ".row"), 2);
    assert.equal(await lit(t, ".chip"), 1);
    await t.shot("-mark");
    await t.page.locator("[data-box='0']").hover({ force: true });
    assert.equal(await lit(t, "[data-box]"), 1);
    assert.deepEqual(await t.page.locator("mark[data-lit=true]").allInnerTexts(), ["a red apple"]);
    await t.rows.nth(1).hover();
    assert.equal(await lit(t, "[data-box]"), 1);
    assert.equal(await lit(t, ".row"), 1);
    assert.deepEqual(await t.page.locator("mark[data-lit=true]").allInnerTexts(), ["two dogs"]);
    await t.chips.first().focus();
    assert.deepEqual(await t.page.locator("mark[data-lit=true]").allInnerTexts(), ["a red apple"]);
    await t.shot("-row");
  },
  "a mouse on a mark sets the caret and selects": async (t) => {
    await t.begin();
    const m = t.page.locator("mark", { hasText: "red apple" });
    const { x, y, width, height } = await m.boundingBox();
    await t.page.mouse.click(x + 1, y + height / 2);
    assert.deepEqual(await t.sentence.evaluate((f) => [document.activeElement === f, f.selectionStart, f.selectionEnd]), [true, 0, 0]);
    await t.page.mouse.move(x + 1, y + height / 2);
    await t.page.mouse.down();
    await t.page.mouse.move(x + width + 20, y + height / 2, { steps: 4 });
    await t.page.mouse.up();
    const [begin, end] = await t.sentence.evaluate((f) => [f.selectionStart, f.selectionEnd]);
    assert.ok(begin === 0 && end > 11 && end < 16, `${begin} to ${end}`);
    await m.dblclick({ position: { x: 20, y: height / 2 } });
    assert.equal(await t.sentence.evaluate((f) => f.value.slice(f.selectionStart, f.selectionEnd)), "red");
  },
  "the threshold chooses without asking": async (t) => {
    await t.begin();
    await t.maps.first().waitFor();
    let asked = 0;
    t.page.on("request", () => asked++);
    await t.threshold.focus();
    await t.threshold.press("Home");
    assert.equal(await t.rows.count(), 6);
    await t.threshold.press("End");
    assert.equal(await t.rows.count(), 0);
    await t.page.getByText("No box above 1.00. Best: a red apple 0.97").waitFor();
    await t.look("-nothing");
    await t.button("Set it to 0.96").click();
    assert.equal(await t.rows.count(), 1);
    await t.threshold.press("ArrowLeft");
    assert.equal(await t.threshold.getAttribute("aria-valuetext"), "0.95, 1 box above");
    assert.equal(asked, 0);
    await t.page.reload();
    await t.until(async () => (await t.page.locator("#threshold").inputValue()) === "95", "the model's threshold is remembered");
  },
  "chips hide, show alone, and edit": async (t) => {
    await t.begin();
    await t.chips.nth(1).click();
    assert.equal(await t.rows.count(), 1);
    assert.equal(await t.chips.nth(1).getAttribute("aria-pressed"), "false");
    await t.chips.nth(1).click({ modifiers: ["Alt"] });
    assert.equal(await t.rows.count(), 2);
    assert.equal(await t.chips.nth(0).getAttribute("aria-pressed"), "false");
    await t.chips.nth(1).click({ modifiers: ["Alt"] });
    assert.equal(await t.rows.count(), 3);
    await t.chips.nth(1).dblclick();
    assert.equal(await t.sentence.evaluate((f) => f.value.slice(f.selectionStart, f.selectionEnd)), "two dogs");
    assert.equal(await t.rows.count(), 3);
  },
  "a phrase that no token stands for says so": async (t) => {
    await t.goto();
    await t.choose();
    await t.sentence.fill("a cat and an xyzzy");
    await t.says(/for 1 phrase/);
    await t.page.getByText("None of the words that the model knows stands for it").waitFor();
    await t.look();
  },
  "detections by keys": async (t) => {
    await t.begin();
    await t.page.locator("body").press("ArrowDown");
    assert.match(await t.page.evaluate(() => document.activeElement.textContent), /a red apple/);
    await t.page.keyboard.press("ArrowDown");
    await t.page.keyboard.press("Enter");
    assert.notEqual(await t.page.locator("#fit").innerText(), "361 %");
    await t.shot("-close");
    await t.page.keyboard.press("Delete");
    assert.equal(await t.rows.count(), 2);
    assert.equal(await t.boxes.count(), 2);
    assert.match(await t.page.evaluate(() => document.activeElement.textContent), /two dogs/);
    await t.button("Show 1 hidden box again").click();
    assert.equal(await t.rows.count(), 3);
  },
  "boxes by keys": async (t) => {
    await t.begin();
    await t.page.locator("[data-box][tabindex='0']").focus();
    await t.page.keyboard.press("ArrowRight");
    assert.equal(await lit(t, "[data-box]"), 1);
    await t.shot("-focus");
    await t.page.keyboard.press("Delete");
    assert.equal(await t.boxes.count(), 2);
  },
  "zoom by wheel, keys, buttons and dragging": async (t) => {
    await t.begin();
    const percent = async () => parseInt(await t.page.locator("#fit").innerText());
    const whole = await percent();
    const stage = t.page.getByRole("group", { name: /^View/ });
    await stage.hover();
    await t.page.mouse.wheel(0, -300);
    await t.until(async () => (await percent()) > whole, "larger by the wheel");
    const place = () => t.page.locator("#first .layer").evaluate((l) => l.style.transform);
    const before = await place();
    await t.page.mouse.down();
    await t.page.mouse.move(500, 400, { steps: 5 });
    await t.page.mouse.up();
    assert.notEqual(await place(), before);
    await t.shot("-zoomed");
    await stage.focus();
    await t.page.keyboard.press("0");
    assert.equal(await percent(), whole);
    await t.page.keyboard.press("+");
    assert.ok((await percent()) > whole);
    await t.page.keyboard.press("ArrowRight");
    await t.button("Zoom out").click();
    await t.button(/^Fit/).click();
    assert.equal(await percent(), whole);
  },
  "pinch": async (t) => {
    await t.begin();
    const before = parseInt(await t.page.locator("#fit").innerText());
    await t.page.evaluate(() => {
      const stage = document.getElementById("first");
      const { left, top } = stage.getBoundingClientRect();
      const send = (type, id, x, y) => stage.dispatchEvent(new PointerEvent(type, { pointerId: id, pointerType: "touch", clientX: left + x, clientY: top + y, button: 0, bubbles: true }));
      send("pointerdown", 11, 200, 200);
      send("pointerdown", 12, 300, 200);
      send("pointermove", 11, 100, 200);
      send("pointermove", 12, 400, 200);
      send("pointerup", 11, 100, 200);
      send("pointerup", 12, 400, 200);
    });
    assert.ok(parseInt(await t.page.locator("#fit").innerText()) > 2 * before);
  },
  "words lie over the picture": async (t) => {
    await t.begin();
    await t.maps.first().waitFor();
    assert.equal((await t.counts()).aligns, 1);
    assert.deepEqual(await t.maps.locator(".word").allInnerTexts(), ["a", "red", "apple", "and", "two", "dogs"]);
    await t.maps.nth(5).hover();
    assert.equal(await t.page.locator("#first .heat").isVisible(), true);
    await t.look("-over");
    await t.maps.nth(5).click();
    await t.page.mouse.move(5, 5);
    assert.equal(await t.page.locator("#first .heat").isVisible(), true, "pinned");
    await t.page.locator("body").press("Escape");
    assert.equal(await t.page.locator("#first .heat").isVisible(), false);
    await t.page.locator("body").press("w");
    assert.equal(await t.maps.count(), 0);
    await t.sentence.press("Enter");
    await t.says(/3 boxes/);
    assert.equal((await t.counts()).aligns, 1, "closed panels ask nothing");
  },
  "pieces of a word are one": async (t) => {
    await t.goto();
    await t.choose();
    await t.sentence.fill("a cat with whiskers");
    await t.maps.first().waitFor();
    assert.deepEqual(await t.maps.locator(".word").allInnerTexts(), ["a", "cat", "with", "whiskers"]);
  },
  "maps while typing": async (t) => {
    await t.begin();
    await t.maps.first().waitFor();
    await t.page.getByRole("checkbox", { name: "While typing" }).check();
    const before = (await t.counts()).detects;
    await t.type(" x");
    await t.until(async () => (await t.counts()).aligns > 1, "maps before the pause of a question");
    assert.ok((await t.counts()).detects <= before + 1);
  },
  "boxes are hidden while h is held": async (t) => {
    await t.begin();
    await t.page.locator("body").press("Tab");
    await t.page.keyboard.down("h");
    assert.equal(await t.page.locator("#first .boxes").evaluate((b) => getComputedStyle(b).visibility), "hidden");
    await t.page.keyboard.up("h");
    assert.equal(await t.page.locator("#first .boxes").evaluate((b) => getComputedStyle(b).visibility), "visible");
  },
  "two sentences side by side": async (t) => {
    await t.begin();
    await t.button("Compare").click();
    const rival = t.page.getByRole("textbox", { name: "Compare with" });
    assert.equal(await rival.evaluate((r) => r === document.activeElement), true);
    await rival.fill("two dogs and a key");
    await t.page.getByText("2 boxes in both, 1 only above,", { exact: false }).waitFor();
    assert.match(await t.page.getByRole("list", { name: "Differences" }).innerText(), /a red apple 0.97: above only/);
    assert.ok(await t.page.locator("[data-other]").count() >= 3);
    assert.equal(await t.boxes.count(), 3);
    assert.equal((await t.counts()).images, 1);
    await t.shot("-fitted");
    await t.page.locator("#second").hover();
    await t.page.mouse.wheel(0, -300);
    await t.until(async () => (await t.page.locator("#first .layer").evaluate((l) => l.style.width)) === (await t.page.locator("#second .layer").evaluate((l) => l.style.width)), "both zoomed");
    const wide = await t.page.locator("#first .layer").evaluate((l) => parseFloat(l.style.width));
    assert.equal(await t.page.locator("#fit").innerText(), Math.round((100 * wide) / 192) + " %");
    await t.look();
    await t.button("Compare").click();
    assert.equal(await rival.isVisible(), false);
  },
};
