// The server's /v1: one function for each route. All reject with a Refused, an Offline, or an AbortError.
import { kept } from "./dom.mjs";
import { points } from "./text.mjs";

// Refused is an answer that is none: the server's sentence, its code, and after how many seconds to ask again (0: it did not say).
export class Refused extends Error {
  constructor(status, code, text, retry) {
    super(text);
    Object.assign(this, { name: "Refused", status, code, retry });
  }
}

// Offline is a request that reached nobody.
export class Offline extends Error {}

// LEAST is the threshold of every question: the slider chooses above it, without asking again.
export const LEAST = 0.05;

let token = kept.read("token", "sessionStorage");
let unlocking = null; // a promise of a token, while a person is asked for it
let askToken = async () => null;

// onLocked is told what to do where the server wants a token: f(wrong) is a promise of one, or of null.
export const onLocked = (f) => (askToken = f);

// call asks one route. A token that is wanted is asked for, and the request repeated with it.
async function call(method, path, body, type, signal) {
  for (;;) {
    const headers = {};
    if (type) headers["Content-Type"] = type;
    if (token) headers.Authorization = "Bearer " + token;
    const used = token;
    let response, answer;
    try {
      // Without credentials, so that a 401 is ours and not the browser's dialog.
      response = await fetch(path, { method, body, headers, signal, credentials: "omit", cache: "no-store", redirect: "error" });
      answer = await response.text();
    } catch (e) {
      signal?.throwIfAborted();
      throw new Offline("The server does not answer.", { cause: e });
    }
    if (response.status === 401) {
      if (used === token) {
        unlocking ??= askToken(used !== null).finally(() => (unlocking = null));
        const given = await unlocking;
        signal?.throwIfAborted();
        if (!given) throw new Refused(401, "unauthorized", "The server wants a token.", 0);
        token = given;
        kept.write("token", given, "sessionStorage");
      }
      continue;
    }
    let json = null;
    try {
      json = JSON.parse(answer);
    } catch {
      // said below
    }
    if (!response.ok) {
      const retry = Number(response.headers.get("Retry-After")) || 0;
      throw new Refused(response.status, json?.code ?? "", json?.error ?? `The server answered with status ${response.status}.`, retry);
    }
    if (json === null) throw new Refused(response.status, "", "The server's answer is not JSON.", 0);
    return json;
  }
}

const post = (path, value, signal) => call("POST", path, JSON.stringify(value), "application/json", signal);

// hasToken says whether requests carry a token.
export const hasToken = () => token !== null;

export const info = (signal) => call("GET", "/v1/info", undefined, "", signal);
export const tokens = (text, signal) => post("/v1/tokens", { text }, signal);

// keep sends a picture, which the server keeps for a while: {id, width, height, expires_in}.
export const keep = (blob, signal) => call("POST", "/v1/images", blob, blob.type || "application/octet-stream", signal);

// asked is a question as the server reads it: spans in code points.
function asked(question) {
  if (question.classes) return { classes: question.classes };
  const spans = question.spans.map(([b, e]) => [points(question.text, b), points(question.text, e)]);
  return spans.length ? { text: question.text, spans } : { text: question.text };
}

// detect asks of a picture that the server keeps.
export const detect = (id, question, signal) => post("/v1/detect", { image_id: id, ...asked(question), threshold: LEAST, priority: 1 }, signal);

// align asks where that picture answers to each word.
export const align = (id, question, signal) => post("/v1/align", { image_id: id, ...asked(question) }, signal);

// detectOnce sends a picture with the question, and has nothing kept. Priority 2 lets others go first.
export function detectOnce(blob, question, priority, signal) {
  const form = new FormData();
  form.append("image", blob, "picture");
  for (const [name, value] of fields(question)) form.append(name, value);
  form.append("threshold", LEAST);
  form.append("priority", priority);
  return call("POST", "/v1/detect", form, "", signal);
}

// fields are the parts of a form that a question becomes, in order.
export function fields(question) {
  if (question.classes) return question.classes.map((c) => ["class", c]);
  return [["text", question.text], ...asked(question).spans?.map((s) => ["span", s.join(":")]) ?? []];
}
