// Uploads an adapter, squeezes it to several targets, prints the results and downloads them.
// It needs no packages: copy it as a starting point for your own client.
//
//   node examples/quickstart.mjs http://127.0.0.1:8080 examples/adapters/gpt2-lora-r8 out

import { openAsBlob } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
const WEIGHTS = 'adapter_model.safetensors';

const [serviceUrl, adapterDir, outDir] = process.argv.slice(2);
if (!outDir) {
  console.error('Usage: node examples/quickstart.mjs SERVICE_URL ADAPTER_DIR OUT_DIR');
  process.exit(2);
}

/** fetch that turns a problem document (RFC 9457) into an error. */
async function call(path, options) {
  const response = await fetch(new URL(path, serviceUrl), options);
  if (response.ok) return response;
  const body = await response.text();
  throw new Error(`${options?.method ?? 'GET'} ${path}: ${response.status} ${body}`);
}

const json = async (path, options) => (await call(path, options)).json();

async function upload(dir) {
  const form = new FormData();
  for (const name of [WEIGHTS, 'adapter_config.json']) {
    form.append(name, await openAsBlob(join(dir, name)), name);
  }
  return json('/v1/adapters', { method: 'POST', body: form });
}

async function squeeze(adapterId, targets) {
  let job = await json('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'squeeze', adapter_id: adapterId, targets }),
  });
  while (job.state === 'queued' || job.state === 'active') {
    await sleep(POLL_MS);
    job = await json(`/v1/jobs/${job.id}`);
  }
  // Each target ends by itself: a job is partial where only some succeeded.
  const error = job.error ?? job.results.find(({ state }) => state === 'failed')?.error;
  if (job.state !== 'succeeded') throw new Error(`Job ${job.id} ${job.state}: ${error?.detail}`);
  return job;
}

/** Saves every file of an adapter to a folder; returns the folder. */
async function download(adapter, dir) {
  await mkdir(dir, { recursive: true });
  for (const { name } of adapter.files) {
    const response = await call(`/v1/adapters/${adapter.id}/files/${encodeURIComponent(name)}`);
    await writeFile(join(dir, name), new Uint8Array(await response.arrayBuffer()));
  }
  return dir;
}

const weightsBytes = (adapter) => adapter.files.find((file) => file.name === WEIGHTS).bytes;
const ranks = ({ min, max }) => (min === max ? `${max}` : `${min}–${max}`);
const percent = (share) => `${(100 * share).toFixed(2)} %`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
const label = (target) =>
  Object.entries(target)
    .map(([key, value]) => `${key}-${value}`)
    .join('-');

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  const [head, ...body] = rows;
  console.log(
    [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n'),
  );
}

const source = await upload(adapterDir);
console.log(
  `\nUploaded ${basename(adapterDir)} as ${source.id}: base model ${source.base_model}, ` +
    `${source.modules} modules of rank ${ranks(source.ranks)}, ${megabytes(weightsBytes(source))}\n`,
);

const halfRank = Math.max(1, Math.floor(source.ranks.max / 2));
const job = await squeeze(source.id, [{ rank: halfRank }, { rank: 2 }, { energy: 0.9 }]);

printTable([
  ['target', 'rank', 'size', 'energy kept', 'relative error', 'worst module (its relative error)'],
  ...job.results.map((result) => [
    label(result.target).replace('-', ' '),
    `${ranks(source.ranks)} → ${ranks(result.rank)}`,
    `${megabytes(weightsBytes(source))} → ${megabytes(result.bytes)}`,
    percent(result.energy_retained),
    percent(result.relative_error),
    result.worst_module
      ? `${result.worst_module.name} (${percent(result.worst_module.relative_error)})`
      : '–',
  ]),
]);
for (const { target, warnings } of job.results) {
  for (const warning of warnings) console.log(`${label(target)}: ${warning}`);
}

const { provider, timings } = job;
console.log(
  `\nONNX Runtime ${provider.onnxruntime} on ${provider.name}, ${timings.total.toFixed(2)} s. ` +
    'Error: ‖ΔW − ΔW′‖ / ‖ΔW‖ of the written files, over all modules.\n',
);

for (const result of job.results) {
  const adapter = await json(`/v1/adapters/${result.adapter_id}`);
  const dir = await download(adapter, join(outDir, label(result.target)));
  console.log(`${relative('.', dir)}/  (${adapter.files.map((file) => file.name).join(', ')})`);
}
const reportPath = join(outDir, 'report.json');
const report = await json(`/v1/jobs/${job.id}/report`);
await writeFile(reportPath, `${JSON.stringify(report, null, 2)}\n`);
console.log(`${relative('.', reportPath)}  (every module: singular values, energy curve, rank, error)`);
