import { JOB_PHASES, type Progress } from '../../../contract/job.ts';

/**
 * The position of an event in the course of a job. It is derived from the job's state, so that any process can
 * continue after an event that another one sent.
 */
export interface EventPosition {
  /** The number of attempts that have begun; 0 before the first. */
  readonly attempt: number;
  /** 0 for the beginning of the attempt, then the phases from 1 on. */
  readonly step: number;
  /** The progress within the phase. */
  readonly done: number;
}

/** Higher than the number of any phase. */
const REQUEUED_STEP = 98;
const FINAL_STEP = 99;

const ID = /^(\d{1,9})\.(\d{1,2})\.(\d{1,16})$/;

export const began = (attempt: number): EventPosition => ({ attempt, step: 0, done: 0 });
/** An attempt failed, and the job waits for another one. */
export const requeued = (attempt: number): EventPosition => ({ attempt, step: REQUEUED_STEP, done: 0 });
export const ended = (attempt: number): EventPosition => ({ attempt, step: FINAL_STEP, done: 0 });
export const progressed = (attempt: number, { phase, done }: Progress): EventPosition => ({
  attempt,
  step: phase === 'waiting' ? 0 : JOB_PHASES.indexOf(phase) + 1,
  done,
});

export const isEnd = ({ step }: EventPosition): boolean => step === FINAL_STEP;
export const isAttemptOver = ({ step }: EventPosition): boolean => step >= REQUEUED_STEP;

/** A position as the id of an event: its numbers, separated by dots. */
export const formatEventId = ({ attempt, step, done }: EventPosition): string => `${attempt}.${step}.${done}`;

/** The position for an event id that a client sends; undefined for any other text. */
export function parseEventId(id: string | undefined): EventPosition | undefined {
  const [, attempt, step, done] = ID.exec(id ?? '') ?? [];
  if (attempt === undefined) return undefined;
  return { attempt: Number(attempt), step: Number(step), done: Number(done) };
}

/** Negative when `one` comes before `other`, 0 when they are the same. */
export const compare = (one: EventPosition, other: EventPosition): number =>
  one.attempt - other.attempt || one.step - other.step || one.done - other.done;
