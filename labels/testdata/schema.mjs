// Checks files of JSON by a schema, by ajv: node schema.mjs MODULE SCHEMA FILE... MODULE is the path of ajv's main file. The exit status is 1 where one does not fit.
import {readFile} from 'node:fs/promises';
import {pathToFileURL} from 'node:url';

const [module, schema, ...files] = process.argv.slice(2);
const {default: ajv} = await import(pathToFileURL(module));
const read = async file => JSON.parse(await readFile(file));
const fits = new (ajv.default ?? ajv)({allErrors: true}).compile(await read(schema));
for (const file of files) {
  if (fits(await read(file))) {
    console.log(`${file} validates`);
  } else {
    console.error(fits.errors);
    process.exitCode = 1;
  }
}
