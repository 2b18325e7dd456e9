// Runs ONNX Runtime: node ort.mjs MODULE JOBS
// MODULE is the path of onnxruntime-node's index.js. JOBS is a file of JSON, a list of
//
//   {model, provider, threads, seconds, outputs, inputs: [{name, type, dims, data}]}
//
// where provider is cpu or webgpu, type is float32 or int64, and data is base64 of the elements, little-endian, or missing for
// numbers by a formula; an input without a name is the model's first. After one run that is not counted a job runs for so many seconds;
// with 0 the first run is all. Each job prints a line of JSON:
//
//   {provider, median_ms, runs, outputs: [{name, type, dims, data}]}
//
// outputs only if they are asked for, or {error} where it failed; then the exit status is 1.
import {readFile} from 'node:fs/promises';
import {pathToFileURL} from 'node:url';

process.env.ORT_DISABLE_TELEMETRY = '1'; // or since 1.30 it keeps a database in the user's cache and reports to its makers
const [module, file] = process.argv.slice(2);
const {default: ort} = await import(pathToFileURL(module));
const arrays = {float32: Float32Array, int64: BigInt64Array};

const tensor = ({type, dims, data}) => {
  const size = dims.reduce((a, b) => a * b, 1);
  const values = new arrays[type](size);
  if (data !== undefined) {
    new Uint8Array(values.buffer).set(Buffer.from(data, 'base64'));
  } else {
    values.forEach((_, i) => { values[i] = ((i * 2654435761) % 1024) / 512 - 1; });
  }
  return new ort.Tensor(type, values, dims);
};

const base64 = a => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString('base64');

const run = async ({model, provider, threads, seconds, outputs, inputs}) => {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const feeds = {};
  for (const input of inputs ?? []) {
    feeds[input.name || session.inputNames[0]] = tensor(input);
  }
  const times = [];
  let results;
  const once = async () => {
    const begin = performance.now();
    results = await session.run(feeds);
    return performance.now() - begin;
  };
  const first = await once();
  for (const end = performance.now() + 1000 * seconds; performance.now() < end;) {
    times.push(await once());
  }
  if (times.length === 0) {
    times.push(first);
  }
  times.sort((a, b) => a - b);
  const median = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
  const found = outputs ? session.outputNames.map(name => {
    const {type, dims, data} = results[name];
    return {name, type, dims, data: base64(data)};
  }) : undefined;
  await session.release();
  return {provider, median_ms: median, runs: times.length, outputs: found};
};

for (const job of JSON.parse(await readFile(file))) {
  try {
    console.log(JSON.stringify(await run(job)));
  } catch (e) {
    console.error(e);
    console.log(JSON.stringify({error: String(e.message ?? e)}));
    process.exitCode = 1;
  }
}
