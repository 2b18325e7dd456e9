// Times ONNX Runtime: node ort.mjs MODULE PROVIDER FILE SHAPE THREADS SECONDS
// MODULE is the path of onnxruntime-node's index.js, PROVIDER is cpu or webgpu, SHAPE that of the one input, as in 1x3x224x224.
// After one run that is not counted it runs for SECONDS, at least once, and prints a line of JSON: the median in milliseconds.
import {pathToFileURL} from 'node:url';

const [module, provider, file, shape, threads, seconds] = process.argv.slice(2);
const {default: ort} = await import(pathToFileURL(module));
const session = await ort.InferenceSession.create(file, {
  executionProviders: [provider],
  intraOpNumThreads: Number(threads),
  graphOptimizationLevel: 'all',
});
const dims = shape.split('x').map(Number);
const values = new Float32Array(dims.reduce((a, b) => a * b)).map((_, i) => ((i * 2654435761) % 1024) / 512 - 1);
const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', values, dims)};
const once = async () => {
  const begin = performance.now();
  await session.run(feeds);
  return performance.now() - begin;
};
await once();
const times = [];
const end = performance.now() + 1000 * Number(seconds);
do {
  times.push(await once());
} while (performance.now() < end);
times.sort((a, b) => a - b);
const median = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
console.log(JSON.stringify({provider, median_ms: median, runs: times.length}));
