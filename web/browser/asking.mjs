// Pictures come in, sentences are asked.
import assert from "node:assert/strict";

export const checks = {
  "empty page": async (t) => {
    await t.goto();
    await t.page.getByText("glip-world · CPU").first().waitFor();
    assert.equal(await t.page.locator("h1").count(), 1);
    assert.match(await t.page.locator("main").innerText(), /Drop a picture here[\s\S]*stay on this machine/);
    await t.look();
  },
  "an example is asked at once": async (t) => {
    await t.begin();
    assert.equal(await t.sentence.inputValue(), "a red apple and two dogs");
    assert.equal(await t.rows.count(), 3);
    assert.equal(await t.boxes.count(), 3);
    assert.deepEqual(await t.boxes.evaluateAll((all) => all.map((b) => b.getAttribute("aria-label")).sort()), ["a red apple, 97 %", "two dogs, 72 %", "two dogs, 89 %"]);
    await t.maps.first().waitFor();
    await t.look();
  },
  "a file is chosen, sent once, and asked twice": async (t) => {
    await t.goto();
    await t.choose("cat.png", 640, 400);
    await t.page.getByText("cat.png · 640 × 400", { exact: false }).waitFor();
    assert.match(await t.page.locator("#about").innerText(), /looked at as 192 × 120/);
    await t.sentence.fill("a cat with whiskers");
    await t.sentence.press("Enter");
    await t.says(/box/);
    await t.sentence.fill("a dog with ears");
    await t.sentence.press("Enter");
    await t.until(async () => (await t.counts()).detects === 2, "a second question");
    const seen = await t.counts();
    assert.equal(seen.images, 1);
    assert.ok(seen.bytes < 1000, `${seen.bytes} bytes`);
    assert.equal(seen.last.threshold, 0.05);
  },
  "a camera's orientation is heeded": async (t) => {
    await t.goto();
    const jpeg = await t.picture(120, 60, "image/jpeg");
    // An Exif block that says: turn it by 90 degrees.
    const exif = Buffer.from("ffe1002245786966000049492a00080000000100120103000100000006000000000000000000", "hex");
    exif.writeUInt16BE(exif.length - 2, 2);
    await t.page.getByLabel("Choose a picture").setInputFiles({ name: "turned.jpg", mimeType: "image/jpeg", buffer: Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]) });
    await t.page.getByText("turned.jpg · 60 × 120", { exact: false }).waitFor();
  },
  "paste and drop": async (t) => {
    await t.goto();
    const base64 = (await t.picture(200, 100)).toString("base64");
    await t.page.evaluate((b) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(b), (c) => c.charCodeAt(0))], "pasted.png", { type: "image/png" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }, base64);
    await t.page.getByText("pasted.png · 200 × 100", { exact: false }).waitFor();
    const data = await t.page.evaluateHandle((b) => {
      const d = new DataTransfer();
      d.items.add(new File([Uint8Array.from(atob(b), (c) => c.charCodeAt(0))], "dropped.png", { type: "image/png" }));
      return d;
    }, base64);
    const region = t.page.getByRole("region", { name: "Picture" });
    await region.dispatchEvent("dragover", { dataTransfer: data });
    await t.page.getByText("Drop it anywhere").waitFor();
    await region.dispatchEvent("drop", { dataTransfer: data });
    await t.page.getByText("dropped.png · 200 × 100", { exact: false }).waitFor();
    assert.equal(await t.page.getByText("Drop it anywhere").isVisible(), false);
  },
  "typing asks when it pauses, one question at a time": async (t) => {
    await t.page.addInitScript(() => {
      const { fetch } = window;
      window.under = { "/v1/detect": [0, 0], all: [0, 0] }; // requests now, and at most
      window.fetch = async (path, given) => {
        const counts = [window.under.all, window.under[path]].filter(Boolean);
        for (const c of counts) c[1] = Math.max(c[1], ++c[0]);
        try {
          return await fetch(path, given);
        } finally {
          for (const c of counts) c[0]--;
        }
      };
    });
    await t.goto();
    await t.choose();
    await t.mood({ delay: 3000 });
    await t.type("a cat");
    await t.until(async () => (await t.counts()).detects === 1, "a question after the pause");
    await t.type(" with whiskers");
    await t.says(/box/);
    const seen = await t.counts();
    assert.equal(seen.detects, 2);
    assert.equal(seen.cancelled, 1);
    assert.equal(seen.last.text, "a cat with whiskers");
    const under = await t.page.evaluate(() => window.under);
    assert.equal(under["/v1/detect"][1], 1);
    assert.ok(under.all[1] <= 2, `${under.all[1]} requests at once`);
  },
  "noun phrases are marked while typing, and follow it": async (t) => {
    await t.goto();
    await t.sentence.pressSequentially("a cat and a dog");
    await t.until(async () => (await t.page.locator("mark").allInnerTexts()).join() === "a cat,a dog", "two marks");
    await t.page.getByText("7 of 64 tokens").waitFor();
    assert.equal((await t.counts()).detects, 0);
  },
  "nothing is asked while nothing is named": async (t) => {
    t.expect(400);
    await t.goto();
    await t.choose();
    await t.type("of"); // "o" alone is a noun
    await t.page.waitForTimeout(700);
    assert.equal((await t.counts()).detects, 0);
    assert.equal(await t.alert.count(), 0);
    await t.says(/Say what to look for/);
    await t.type(" a cat");
    await t.says(/box/);
  },
  "what is beyond the tokens is grey": async (t) => {
    await t.goto();
    await t.sentence.fill("one ".repeat(70));
    await t.page.getByText("72 of 64 tokens: what is grey is not read").waitFor();
    assert.equal(await t.page.locator(".beyond").evaluateAll((all) => all.map((b) => b.textContent).join("")), "one ".repeat(8));
    await t.look();
  },
  "marked words are looked for alone": async (t) => {
    await t.goto();
    await t.choose();
    await t.sentence.fill("😀 a cat with long whiskers");
    await t.says(/box/);
    await t.sentence.evaluate((f) => (f.focus(), f.setSelectionRange(13, 28)));
    await t.button("Mark").click();
    await t.until(async () => JSON.stringify((await t.counts()).last.spans) === "[[13,26]]", "the span in code points");
    await t.until(async () => (await t.page.locator("mark").allInnerTexts()).join() === "long whiskers", "one mark");
    await t.page.getByText("Marked words alone are looked for.").waitFor();
    await t.sentence.evaluate((f) => f.setSelectionRange(14, 16));
    await t.button("Unmark").click();
    await t.until(async () => !(await t.counts()).last.spans, "no span");
  },
  "classes are a line each": async (t) => {
    await t.begin();
    await t.page.getByRole("checkbox", { name: "Classes" }).check();
    assert.equal(await t.sentence.inputValue(), "a red apple\ntwo dogs");
    await t.sentence.press("End");
    await t.sentence.press("Enter");
    await t.sentence.pressSequentially("key");
    await t.says(/for 3 phrases/);
    assert.deepEqual((await t.counts()).last.classes, ["a red apple", "two dogs", "key"]);
    assert.deepEqual(await t.page.locator("mark").allInnerTexts(), ["a red apple", "two dogs", "key"]);
    await t.look();
  },
  "a picture that the server let go of is sent again": async (t) => {
    await t.begin();
    t.expect(404);
    const gone = { status: 404, contentType: "application/json", body: '{"error":"no such picture","code":"no_image"}' };
    await t.page.route("**/v1/detect", (route) => route.fulfill(gone), { times: 1 });
    await t.sentence.press("Enter");
    await t.until(async () => (await t.counts()).images === 2, "a second sending");
    await t.says(/3 boxes/);
  },
  "the address carries sentence, threshold and example": async (t) => {
    await t.goto("/#text=a+red+apple+and+two+dogs&threshold=0.80&example=dogs");
    await t.says(/2 boxes for 2 phrases/);
    assert.equal(await t.threshold.getAttribute("aria-valuetext"), "0.80, 2 boxes above");
    await t.goto("/#text=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E");
    await t.until(async () => (await t.sentence.inputValue()) === "<img src=x onerror=alert(1)>", "the sentence as text");
    assert.equal(await t.page.locator("main img[src=x]").count(), 0);
  },
};
