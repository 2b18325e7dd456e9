// Prints the rows of Parquet files as DuckDB reads them: node tables.mjs MODULE FILE...
// MODULE is the path of @duckdb/node-api's main file. Each file is a line of JSON, a list of objects.
import {pathToFileURL} from 'node:url';

const [module, ...files] = process.argv.slice(2);
const {DuckDBInstance, default: all} = await import(pathToFileURL(module));
const instance = await (DuckDBInstance ?? all.DuckDBInstance).create(':memory:');
const connection = await instance.connect();
for (const file of files) {
  const name = file.replaceAll("'", "''");
  const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${name}', file_row_number = true) ORDER BY file_row_number`);
  const rows = reader.getRowObjectsJS().map(({file_row_number, ...row}) => row);
  console.log(JSON.stringify(rows, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
}
