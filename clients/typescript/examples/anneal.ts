// One squeeze of an annealing: sends the checkpoint of a step and saves the adapter to go on training with. For
// trainers that are driven from outside, stage by stage.
//
//   anneal.ts SERVICE_URL begin SOURCE_RANK TARGET_RANK TOTAL_STEPS      prints the plan, the run's id and when to stop
//   anneal.ts SERVICE_URL squeeze RUN_ID STEP CHECKPOINT_DIR OUT_DIR     prints the learning rate and when to stop again
//
// The plan is the recommended one: the target rank has half of the steps, each squeeze is followed by a short warm-up, and
// only the last stage decays. Learning rates are multiples of the one that is right at the source rank.
//
// CHECKPOINT_DIR has adapter_model.safetensors, adapter_config.json and, to carry Adam's or SGD's moments along,
// optimizer.safetensors. OUT_DIR gets the same files at the new rank. LORA_SQUEEZE_KEY is the key, where the service asks
// for one.

import { type Checkpoint, LoraSqueeze } from '../src/index.ts';

const [baseUrl = '', verb, ...args] = process.argv.slice(2);

async function begin(
  client: LoraSqueeze,
  sourceRank: number,
  targetRank: number,
  totalSteps: number,
): Promise<void> {
  const schedule = { source_rank: sourceRank, target_rank: targetRank, total_steps: totalSteps };
  const run = await client.runs.create({ schedule });
  for (const { rank, begin_step, end_step, learning_rate } of run.schedule?.stages ?? [])
    console.log(`rank ${rank}: ${curve({ ...learning_rate, begin_step, end_step })}`);
  for (const note of run.notes) console.log(note);
  console.log(`${run.id}: ${next(run.next_checkpoint_step)}`);
}

async function squeeze(
  client: LoraSqueeze,
  runId: string,
  step: number,
  folder: string,
  outFolder: string,
): Promise<void> {
  const checkpoint = await client.runs.sendCheckpoint(runId, step, folder);
  await client.runs.download(checkpoint, outFolder);
  console.log(`${checkpoint.decision}: ${checkpoint.reason} ${next(checkpoint.next_checkpoint_step)}`);
  if (checkpoint.learning_rate) console.log(curve(checkpoint.learning_rate));
}

/** A stage's learning rate in words. */
function curve(rate: NonNullable<Checkpoint['learning_rate']>): string {
  const { factor, warm_up_steps, decay_steps, begin_step, end_step, share } = rate;
  const parts = [
    `steps ${begin_step} to ${end_step} with learning rate × ${factor.toFixed(2)}`,
    ...(warm_up_steps > 0 ? [`warm-up until ${begin_step + warm_up_steps}`] : []),
    ...(decay_steps > 0 ? [`decay to zero from ${end_step - decay_steps}`] : []),
    `${(100 * share).toFixed(0)} % of Σ(learning rate × steps)`,
  ];
  return parts.join(', ');
}

const next = (step: number | null): string =>
  step === null ? 'Train on to the end.' : `Train to step ${step}, then send that checkpoint.`;

const isBegin = verb === 'begin' && args.length === 3;
const isSqueeze = verb === 'squeeze' && args.length === 4;
if (!isBegin && !isSqueeze) {
  console.error('Usage: anneal.ts URL begin SOURCE TARGET STEPS | anneal.ts URL squeeze RUN STEP DIR OUT');
  process.exit(2);
}
const client = new LoraSqueeze({ baseUrl, key: process.env.LORA_SQUEEZE_KEY });
if (isBegin) {
  const [sourceRank, targetRank, totalSteps] = args.map(Number);
  await begin(client, sourceRank!, targetRank!, totalSteps!);
} else {
  const [runId, step, folder, outFolder] = args;
  await squeeze(client, runId!, Number(step), folder!, outFolder!);
}
