// For everybody: keys alone, no motion, large letters, forced colours, markup that stays text.
import assert from "node:assert/strict";

export const checks = {
  "tab reaches everything, and is seen": async (t) => {
    await t.begin();
    await t.maps.first().waitFor();
    const wanted = ["Choose a picture", "Camera", "Folder", "Compare", "Zoom out", "Sentence", "Classes", "a red apple", "Threshold", "Download", "Words", "While typing", "Keys"];
    const seen = [];
    for (let i = 0; i < 60; i++) {
      await t.page.keyboard.press("Tab");
      const at = await t.page.evaluate(() => {
        const e = document.activeElement;
        if (!e || e === document.body) return null;
        const style = getComputedStyle(e);
        const name = e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent;
        return [name.trim(), style.outlineStyle !== "none" || style.boxShadow !== "none"];
      });
      if (at === null) continue;
      assert.ok(at[1], `the focus on ${at[0]} is not seen`);
      seen.push(at[0]);
    }
    for (const name of wanted) assert.ok(seen.some((s) => s.startsWith(name)), `${name} is not reached: ${[...new Set(seen)].join(", ")}`);
  },
  "the keys of the list": async (t) => {
    await t.begin();
    const body = t.page.locator("body");
    await body.press("?");
    const dialog = t.page.getByRole("dialog", { name: "Keys" });
    await dialog.waitFor();
    await t.look();
    await t.page.keyboard.press("Escape");
    assert.equal(await dialog.isVisible(), false);
    await t.page.evaluate(() => document.activeElement.blur());
    await body.press("]");
    assert.equal(await t.page.locator("#value").innerText(), "0.35");
    await body.press("[");
    await body.press("[");
    assert.equal(await t.page.locator("#value").innerText(), "0.25");
    const [chooser] = await Promise.all([t.page.waitForEvent("filechooser"), body.press("o")]);
    assert.ok(chooser);
    await body.press("/");
    assert.equal(await t.sentence.evaluate((f) => f === document.activeElement), true);
    await t.page.keyboard.type("[h]");
    assert.match(await t.sentence.inputValue(), /\[h\]/);
    assert.equal(await t.page.locator("#value").innerText(), "0.25");
  },
  "letters can be switched off": async (t) => {
    await t.begin();
    await t.button("Keys").click();
    await t.page.getByRole("checkbox", { name: /Letters and signs/ }).uncheck();
    await t.button("Close").click();
    await t.page.evaluate(() => document.activeElement.blur());
    await t.page.locator("body").press("]");
    assert.equal(await t.page.locator("#value").innerText(), "0.30");
  },
  "no motion where none is wanted": async (t) => {
    await t.begin();
    await t.mood({ delay: 5000 });
    await t.sentence.press("Enter");
    await t.says(/Working/);
    assert.equal(await t.page.evaluate(() => document.getAnimations().length), 0);
    await t.page.emulateMedia({ reducedMotion: "no-preference" });
    await t.until(() => t.page.evaluate(() => document.getAnimations().length > 0), "a bar that moves, otherwise");
  },
  "four times as large": async (t) => {
    await t.page.setViewportSize({ width: 320, height: 256 }); // 1280 x 1024 at 400 per cent
    await t.begin();
    const wide = await t.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 320, `${wide} pixels wide`);
    for (const part of [t.sentence, t.threshold, t.rows.first(), t.button("Download")]) {
      await part.scrollIntoViewIfNeeded();
      const box = await part.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= 321, `sticks out: ${JSON.stringify(box)}`);
    }
    await t.shot("", true);
  },
  "letters of twice the size": async (t) => {
    const cdp = await t.context.newCDPSession(t.page);
    await t.begin();
    await cdp.send("DOM.enable");
    await cdp.send("CSS.enable");
    await t.page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
    const wide = await t.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 1280, `${wide} pixels wide`);
    await t.shot("");
  },
  "forced colours": async (t) => {
    await t.page.emulateMedia({ forcedColors: "active" });
    await t.begin();
    await t.shot("");
  },
  "markup stays text": async (t) => {
    await t.goto();
    await t.choose("<b>x</b>.png");
    await t.sentence.fill("<img src=x onerror=alert(1)> and a cat");
    await t.says(/box/);
    assert.equal(await t.page.locator("main img[src=x], main b b").count(), 0);
    assert.match(await t.chips.first().innerText(), /<img src=x onerror=alert\(1\)>/);
    await t.page.getByText("<b>x</b>.png", { exact: false }).first().waitFor();
  },
  "what is said aloud": async (t) => {
    await t.begin();
    const tree = await t.page.locator("body").ariaSnapshot();
    for (const part of [/region "Picture"/, /textbox "Sentence"/, /slider "Threshold"/, /list "Detections"/, /status: 3 boxes for 2 phrases in/, /img "a red apple, 97 %"/]) assert.match(tree, part);
  },
};
