// Every state that a server can be in.
import assert from "node:assert/strict";

export const checks = {
  "loading": async (t) => {
    await t.mood({ loading: 4 });
    await t.goto();
    await t.says(/Loading the model, 25 %…/);
    await t.look();
    await t.says(/Choose a picture/);
  },
  "loading, of a server that says only that": async (t) => {
    t.expect(503);
    await t.mood({ cold: 3 });
    await t.goto();
    await t.says(/Loading the model…/);
    await t.says(/Choose a picture/);
  },
  "weights that were made up": async (t) => {
    await t.mood({ made_up: true });
    await t.begin();
    await t.page.getByText("its boxes mean nothing").waitFor();
    await t.look();
  },
  "working, and left": async (t) => {
    await t.begin();
    await t.mood({ delay: 60000, queue: 3 });
    await t.sentence.fill("a key");
    await t.sentence.press("Enter");
    await t.says(/Working/);
    assert.equal(await t.boxes.count(), 3, "the old boxes stay");
    await t.says(/Working for \d+ s, 3 before it…/);
    await t.look();
    await t.button("Cancel").click();
    await t.says(/3 boxes/);
    await t.until(async () => (await t.counts()).cancelled === 1, "the server is told");
    await t.sentence.press("Enter");
    await t.says(/about \d+ s more/);
    await t.page.keyboard.press("Escape");
    await t.says(/3 boxes/);
  },
  "nothing found at all": async (t) => {
    await t.mood({ none: true });
    await t.goto();
    await t.choose();
    await t.sentence.fill("a cat");
    await t.page.getByText("Nothing found: no box above 0.05", { exact: false }).waitFor();
    await t.look();
  },
  "refused, counted down, tried thrice": async (t) => {
    t.expect(429);
    await t.begin();
    await t.mood({ refuse: 2, retry: 30 });
    await t.sentence.press("Enter");
    await t.says(/Server busy: again in \d+ s \(1 of 3\)/);
    await t.look();
    await t.button("Try now").click();
    await t.says(/again in 30 s \(2 of 3\)/);
    await t.says(/again in 28 s/);
    await t.button("Try now").click();
    await t.says(/3 boxes/);
    assert.equal((await t.counts()).detects, 3);
    await t.mood({ refuse: 9, retry: 1 });
    await t.sentence.press("Enter");
    await t.alert.filter({ hasText: "the queue is full" }).waitFor();
    assert.equal((await t.counts()).detects, 4);
    assert.equal(await t.boxes.count(), 3, "the old result stays");
  },
  "an error says the server's sentence, and the old result stays": async (t) => {
    t.expect(400);
    await t.begin();
    await t.mood({ fail: "the text has <no> phrase: say what to look for" });
    await t.sentence.press("Enter");
    await t.alert.filter({ hasText: "the text has <no> phrase" }).waitFor();
    assert.equal(await t.boxes.count(), 3);
    await t.look();
    await t.mood({});
    await t.button("Ask again").click();
    await t.says(/3 boxes/);
    assert.equal(await t.alert.count(), 0);
  },
  "a file that is no picture": async (t) => {
    await t.begin();
    await t.page.getByLabel("Choose a picture").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("no") });
    await t.alert.filter({ hasText: "x.png is no picture that this browser can show" }).waitFor();
    assert.equal(await t.boxes.count(), 3);
    assert.equal(await t.button("Ask again").count(), 0);
    await t.page.getByLabel("Choose a picture").setInputFiles({ name: "big.png", mimeType: "image/png", buffer: Buffer.alloc(9 << 20) });
    await t.alert.filter({ hasText: "big.png has 9.4 MB, and the server takes 8.4 MB at most" }).waitFor();
    await t.button("Close").click();
    assert.equal(await t.alert.count(), 0);
  },
  "offline, and back": async (t) => {
    t.expect("ERR_EMPTY_RESPONSE", "ERR_CONNECTION");
    await t.begin();
    await t.mood({ gone: true });
    await t.sentence.fill("a key");
    await t.sentence.press("Enter");
    await t.says(/does not answer/);
    assert.equal(await t.boxes.count(), 3);
    await t.look();
    await t.mood({});
    await t.says(/for 1 phrase/);
  },
  "a token is wanted": async (t) => {
    t.expect(401);
    await t.mood({ token: "secret" });
    await t.goto();
    const field = t.page.getByRole("textbox", { name: "Token" });
    await field.waitFor();
    await t.look();
    await field.fill("wrong");
    await field.press("Enter");
    await t.alert.filter({ hasText: "does not know this token" }).waitFor();
    await field.fill("secret");
    await t.button("Go on").click();
    await t.page.getByText("glip-world · CPU").first().waitFor();
    await t.button("a red apple and two dogs").click();
    await t.says(/3 boxes/);
    assert.equal(await t.page.evaluate(() => sessionStorage.getItem("glip.token")), "secret");
    assert.equal(await t.page.evaluate(() => JSON.stringify(localStorage).includes("secret") || document.cookie), "", "nowhere else");
    await t.page.reload();
    await t.page.getByText("glip-world · CPU").first().waitFor();
    assert.equal(await field.isVisible(), false);
  },
};
