// What was found is taken away; folders; the camera.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const checks = {
  "JSON, as the server answers, of what is shown": async (t) => {
    await t.begin();
    const { name, data } = await t.saved("JSON");
    assert.equal(name, "dogs.json");
    const it = JSON.parse(data);
    assert.deepEqual(Object.keys(it).sort(), ["captions", "detections", "height", "model", "phrases", "timing", "width"]);
    assert.deepEqual(it.detections.map((d) => d.phrase), ["a red apple", "two dogs", "two dogs"]);
    assert.deepEqual(Object.keys(it.detections[0]).sort(), ["box", "label", "phrase", "score", "span"]);
  },
  "COCO": async (t) => {
    await t.begin();
    await t.button("Download").click();
    await t.look("-menu");
    await t.page.keyboard.press("Escape");
    const { name, data } = await t.saved("COCO");
    assert.equal(name, "dogs.coco.json");
    const it = JSON.parse(data);
    assert.deepEqual(it.images, [{ id: 1, file_name: "dogs.webp", width: 192, height: 192 }]);
    assert.deepEqual(it.categories, [{ id: 1, name: "a red apple" }, { id: 2, name: "two dogs" }]);
    assert.deepEqual(it.annotations.map((a) => a.bbox), [[106, 118, 70, 69], [17, 59, 53, 41], [106, 19, 55, 48]]);
  },
  "PNG at full size, SVG that says what it shows": async (t) => {
    await t.goto();
    await t.choose("a.b.png", 640, 400);
    await t.sentence.fill("a <cat> & dog");
    await t.says(/box/);
    const png = await t.saved("PNG");
    assert.equal(png.name, "a.b.boxes.png");
    assert.equal(png.data.subarray(1, 4).toString(), "PNG");
    assert.deepEqual([png.data.readUInt32BE(16), png.data.readUInt32BE(20)], [640, 400]);
    const drawn = await t.saved("SVG");
    assert.match(drawn.data.toString(), /^<svg [^>]*width="640" height="400"[\s\S]*data:image\/png;base64,[\s\S]*a &lt;cat&gt; &amp; dog/);
    const ok = await t.page.evaluate((s) => !new DOMParser().parseFromString(s, "image/svg+xml").querySelector("parsererror"), drawn.data.toString());
    assert.ok(ok, "the SVG is no XML");
  },
  "a command and a link": async (t) => {
    await t.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await t.begin();
    await t.button("Download").click();
    await t.button("Copy as curl").click();
    await t.says(/copied/);
    const { url } = t.desk;
    assert.equal(await t.page.evaluate(() => navigator.clipboard.readText()), `curl -F 'image=@dogs.webp' -F 'text=a red apple and two dogs' -F threshold=0.30 '${url}/v1/detect'`);
    await t.button("Download").click();
    await t.button("Copy link").click();
    await t.until(async () => (await t.page.evaluate(() => navigator.clipboard.readText())) === url + "/#text=a+red+apple+and+two+dogs&threshold=0.30&example=dogs", "the link");
  },
  "a picture from the clipboard by v": async (t) => {
    await t.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await t.goto();
    await t.page.evaluate(async () => {
      const canvas = new OffscreenCanvas(30, 20);
      canvas.getContext("2d").fillRect(0, 0, 9, 9);
      await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })]);
    });
    await t.page.locator("body").press("v");
    await t.page.getByText("pasted.png · 30 × 20", { exact: false }).waitFor();
  },
  "many files, two at a time, one file of all": async (t) => {
    await t.goto();
    const files = [];
    for (let i = 0; i < 7; i++) files.push({ name: `p${i}.png`, mimeType: "image/png", buffer: await t.picture(100 + 10 * i, 80) });
    files.push({ name: "bad.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await t.page.getByLabel("Choose a picture").setInputFiles(files);
    await t.page.getByText("p0.png · 100 × 80", { exact: false }).waitFor();
    await t.sentence.fill("a cat and a dog");
    await t.says(/box/);
    await t.mood({ delay: 150, refuse: 1, retry: 1 });
    t.expect(429, 400);
    await t.button("Ask of all").click();
    await t.page.getByText("8 pictures · 7 asked", { exact: false }).waitFor();
    await t.page.getByText("1 failed", { exact: false }).waitFor();
    const seen = await t.counts();
    assert.equal(seen.together, 2);
    assert.equal(seen.last.priority, 2);
    await t.look();
    const [download] = await Promise.all([t.page.waitForEvent("download"), t.button("All as one file").click()]);
    const it = JSON.parse(readFileSync(await download.path()));
    assert.deepEqual(it.images.map((i) => i.file_name), ["p0.png", "p1.png", "p2.png", "p3.png", "p4.png", "p5.png", "p6.png"]);
    assert.deepEqual(it.categories.map((c) => c.name), ["a cat", "a dog"]);
    assert.ok(it.annotations.every((a) => a.image_id >= 1 && a.image_id <= 7 && a.score > 0.3));
    await t.button(/^p3.png, /).click();
    await t.page.getByText("p3.png · 130 × 80", { exact: false }).waitFor();
  },
  "a strip can be stopped": async (t) => {
    await t.goto();
    const files = [];
    for (let i = 0; i < 6; i++) files.push({ name: `p${i}.png`, mimeType: "image/png", buffer: await t.picture(50 + i, 50) });
    await t.page.getByLabel("Choose a picture").setInputFiles(files);
    await t.sentence.fill("a cat");
    await t.says(/box/);
    await t.mood({ delay: 1500 });
    await t.button("Ask of all").click();
    await t.button("Stop").click();
    await t.until(async () => (await t.counts()).cancelled === 2, "both are left");
    assert.equal((await t.counts()).detects, 2);
    await t.button("Ask of all").waitFor();
  },
  "the camera": async (t) => {
    await t.context.grantPermissions(["camera"]);
    await t.goto();
    await t.sentence.fill("a ball");
    await t.mood({ delay: 100 });
    await t.button("Camera").click();
    await t.page.getByText(/frames a second/).waitFor();
    assert.ok(await t.boxes.count() > 0);
    assert.equal((await t.counts()).together, 1);
    await t.look();
    await t.button("Stop the camera").click();
    const kept = async () => {
      const { images, last } = await t.counts();
      return images === 1 && last.image_id;
    };
    await t.until(kept, "the last frame is a picture like others");
    await t.says(/box/);
    const { detects } = await t.counts();
    await t.page.waitForTimeout(500);
    assert.equal((await t.counts()).detects, detects);
    assert.equal(await t.page.evaluate(() => document.getElementById("video").srcObject), null);
  },
};
